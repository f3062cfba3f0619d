// The control port's protocol: one command on a line, an answer of one or more lines, as the reference has them. The
// operator proves who he is with "auth PASSWORD": the user's password shows counters and blocks queues, the
// administrator's does all. Sans-I/O; the port listens on 127.0.0.1 only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/server/control.hpp"

namespace simplex::smp::server {

// The passwords of section AUTH. Without one, nobody has the role. Read anew for each "auth", so they may change.
struct ControlCredentials {
  std::optional<protocol::BasicAuth> admin;  // control_port_admin_password
  std::optional<protocol::BasicAuth> user;   // control_port_user_password
};

// What a session may ask of the relay. Texts are lines, each with its end.
class ControlBackend {
 public:
  using Text = std::move_only_function<void(std::string)>;
  virtual ~ControlBackend() = default;
  [[nodiscard]] virtual const ControlCredentials& passwords() const = 0;
  virtual void stats(bool admin, Text done) = 0;
  virtual void runtime(Text done) = 0;
  virtual void clients(Text done) = 0;
  virtual void threads(Text done) = 0;
  virtual void sockets(Text done) = 0;
  virtual void server_info(bool admin, Text done) = 0;
  virtual void save(Text done) = 0;
  virtual void control(QueueControl control) = 0;
  // Nothing, or why no more queues may be blocked today.
  [[nodiscard]] virtual std::optional<std::string> no_more_blocking() const = 0;
  virtual void note_blocked() = 0;
  virtual void note_command(std::string_view name) = 0;  // for the log: without arguments
};

class ControlSession {
 public:
  static constexpr std::size_t max_line = 4'096;

  explicit ControlSession(ControlBackend& backend) : backend_(backend) {}

  [[nodiscard]] static std::string greeting();
  // One line, without its end. answer: lines to be sent, "" for none; called once, perhaps later, and not after the
  // session is destroyed. The next line is given after it.
  using Answer = std::move_only_function<void(std::string answer, bool close)>;
  void receive(std::string_view line, Answer answer);

 private:
  enum class Role : std::uint8_t { none, user, admin };
  void authenticate(std::string_view password, Answer answer);
  void block(std::string_view arguments, Answer answer);
  void control(QueueAction action, std::string_view id, std::optional<Blocking> blocking, Answer answer);

  ControlBackend& backend_;
  Role role_ = Role::none;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

// A queue as the operator names it: a sender id or link id in base64url, or a short link.
struct NamedQueue {
  std::vector<IdKind> kinds;  // to be tried in this order
  DirectoryId id;
};
[[nodiscard]] Result<NamedQueue> parse_queue_name(std::string_view text);

}  // namespace simplex::smp::server

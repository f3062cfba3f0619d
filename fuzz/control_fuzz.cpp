// rooms: smp_server
// Lines on the control port: each is answered once, with whole lines, and nothing is shown or done without the password
// that it needs. The passwords are "admin" and "user".
#include <algorithm>
#include "simplex/smp/server/control_session.hpp"

#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;               // NOLINT: one file, no header
using namespace simplex::smp::server;  // NOLINT
using fuzz::require;

// Knows who may do what, and ends the program when it is asked for more.
class Guard final : public ControlBackend {
 public:
  enum class Who : std::uint8_t { nobody, user, admin };

  Guard() {
    passwords_.admin = *protocol::BasicAuth::from(as_bytes("admin"));
    passwords_.user = *protocol::BasicAuth::from(as_bytes("user"));
  }

  // The first password that is right counts.
  void hear(std::string_view line) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (who_ != Who::nobody) return;
    if (line == "auth admin") who_ = Who::admin;
    if (line == "auth user") who_ = Who::user;
  }

  const ControlCredentials& passwords() const override { return passwords_; }
  void stats(bool admin, Text done) override {
    needs(admin ? Who::admin : Who::user);
    done("stats\n");
  }
  void runtime(Text done) override { done("runtime\n"); }
  void clients(Text done) override { for_admin(std::move(done)); }
  void threads(Text done) override { for_admin(std::move(done)); }
  void sockets(Text done) override {
    needs(Who::user);
    done("sockets\n");
  }
  void server_info(bool admin, Text done) override {
    needs(admin ? Who::admin : Who::user);
    done("info\n");
  }
  void save(Text done) override { for_admin(std::move(done)); }
  void control(QueueControl control) override {
    needs(control.action == QueueAction::remove ? Who::admin : Who::user);
    require(!control.id.empty() && (control.action == QueueAction::block) == control.blocking.has_value());
    // Known by its link id only, unless it begins so.
    if (control.kind == IdKind::sender && control.id.view()[0] < 128) {
      return control.done(fail(ErrorKind::not_found, "no such queue"));
    }
    QueueControl::Answer answer;
    answer.blocking = std::move(control.blocking);
    answer.status = answer.blocking ? QueueStatus::blocked : QueueStatus::active;
    answer.changed = answer.was_active = answer.blocking.has_value();
    control.done(std::move(answer));
  }
  std::optional<std::string> no_more_blocking() const override {
    if (blocked_ < 3) return std::nullopt;
    return "error: reached limit\n";
  }
  void note_blocked() override { require(++blocked_ <= 3); }
  void note_command(std::string_view name) override { require(name.size() < 50); }

 private:
  void needs(Who who) const { require(who_ >= who); }
  void for_admin(Text done) const {
    needs(Who::admin);
    done("secret\n");
  }

  ControlCredentials passwords_;
  Who who_ = Who::nobody;
  int blocked_ = 0;
};

void talk(std::string_view text) {
  Guard guard;
  ControlSession session(guard);
  bool closed = false;
  while (!text.empty() && !closed) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.size() > ControlSession::max_line) return;  // it ends the connection
    guard.hear(line);
    int answers = 0;
    session.receive(line, [&](const std::string& answer, bool close) {
      ++answers;
      closed = close;
      require(answer.empty() || answer.ends_with('\n'));
      const std::size_t most = line.starts_with("help") ? 2'048 : 400;  // of a text of the relay's own
      require(answer.size() < most + line.size());
    });
    require(answers == 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A link's parameter of one octet is two strings, in a list that grows; the bound is that of one line.
  const fuzz::AllocationBound bound(16 * 1'024 + 256 * std::min(size, ControlSession::max_line));
  talk(as_text({data, size}));
  return 0;
}

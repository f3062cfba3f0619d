// The relays of each user: which may hold queues, which may be proxies, and who runs them.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "simplex/agent/ids.hpp"
#include "simplex/agent/network.hpp"
#include "simplex/base/random.hpp"
#include "simplex/protocol/server_address.hpp"

namespace simplex::agent {

struct OwnServer {
  protocol::ServerWithAuth server;
  std::string name;  // the address as text, without the password
  std::optional<OperatorId> operator_id;
  bool storage = true;
  bool proxy = true;
};

// Errors: malformed; the text says what is wrong.
[[nodiscard]] Result<OwnServer> read_server(const UserServer& server);
[[nodiscard]] Result<std::vector<OwnServer>> read_servers(std::span<const UserServer> servers);

// What speaks against a relay; the more these make together, the less it is wanted.
enum Against : std::uint8_t {
  same_operator = 1,  // as a relay that is used already
  used = 2,
  failed = 4,
  excluded = 8,  // only when there is no other
};

class UserServers {
 public:
  // for_all: of users without a list of their own.
  explicit UserServers(std::vector<OwnServer> for_all) : for_all_(std::move(for_all)) {}

  void set(UserId user, std::vector<OwnServer> servers) { of_users_.insert_or_assign(user, std::move(servers)); }
  [[nodiscard]] const std::vector<OwnServer>& of(UserId user) const;
  [[nodiscard]] bool knows(UserId user, const protocol::ServerAddress& server) const;
  [[nodiscard]] std::optional<protocol::BasicAuth> password_of(UserId user,
                                                               const protocol::ServerAddress& server) const;

  struct Wish {
    std::vector<protocol::ServerAddress> used;      // others are better
    std::vector<protocol::ServerAddress> excluded;  // anything else is better
    std::string_view failed;                        // the name of one that could not be reached
  };
  // For a queue, at random among the best. Null: the user has none.
  [[nodiscard]] const OwnServer* pick_storage(UserId user, const Wish& wish, Random& random) const;
  // For messages to the destination, never itself. Null: there is none.
  [[nodiscard]] const OwnServer* pick_proxy(UserId user, const protocol::ServerAddress& destination,
                                            std::string_view failed, Random& random) const;

 private:
  [[nodiscard]] const OwnServer* pick(UserId user, const Wish& wish, bool OwnServer::* role, Random& random) const;

  std::vector<OwnServer> for_all_;
  std::map<UserId, std::vector<OwnServer>> of_users_;
};

// They have a host in common, and the port: addresses of one relay may name more of its hosts or fewer.
[[nodiscard]] bool same_relay(const protocol::ServerAddress& a, const protocol::ServerAddress& b) noexcept;

}  // namespace simplex::agent

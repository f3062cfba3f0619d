// Reads what short links show, for somebody who has not decided yet. Only the key of a one-time link is stored: what was
// asked is forgotten when the program ends. The link's relay is asked by the way that messages to it take: Routes.
#pragma once

#include <map>

#include "core.hpp"
#include "link_request.hpp"
#include "routes.hpp"

namespace simplex::agent {

class LinkReader {
 public:
  LinkReader(Core& core, Relays& relays, Routes& routes) : core_(core), relays_(relays), routes_(routes) {}

  // In a turn: the relay is asked after its commit.
  [[nodiscard]] Result<LinkReadId> read(UserId user, const protocol::ShortLink& link);

  void start();
  void stop();  // until start()
  void relay_up(const Relay& relay);
  void relay_down(const Relay& relay, const smp::client::Failure& why);
  [[nodiscard]] bool needs(const Relay& relay) const;

 private:
  struct Reading {
    UserId user;
    protocol::ShortLink link;
    std::optional<crypto::Ed25519PrivateKey> key;
    Relay* relay = nullptr;  // we wait for its session, or for its answer
    bool in_flight = false;
    int ways = 0;  // that were tried
  };

  void ask(LinkReadId id);
  [[nodiscard]] std::vector<LinkReadId> waiting_for(const Relay* relay) const;
  // When a proxy has failed, and there is another way.
  [[nodiscard]] bool asks_otherwise(LinkReadId id, const Relay* failed);
  void answered(LinkReadId id, const smp::client::Outcome<smp::broker::Lnk>& answer);
  void forget(LinkReadId id);
  void failed(LinkReadId id, Failure failure, Error error);

  Core& core_;
  Relays& relays_;
  Routes& routes_;
  std::map<LinkReadId, Reading> readings_;
  std::int64_t last_ = 0;
};

}  // namespace simplex::agent

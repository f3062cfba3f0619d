#include "link_reader.hpp"

#include "failures.hpp"

namespace simplex::agent {
namespace {

LinkKind kind_of(const protocol::ShortLink& link) {
  if (!link.contact) return LinkKind::invitation;
  switch (*link.contact) {
    case protocol::ContactKind::contact: return LinkKind::contact;
    case protocol::ContactKind::channel: return LinkKind::channel;
    case protocol::ContactKind::group: return LinkKind::group;
    case protocol::ContactKind::relay: return LinkKind::relay;
  }
  return LinkKind::contact;
}

// A person waits: a few proxies that fail are enough.
constexpr int max_ways = 4;

// Reading a link is not seen to belong to anything else.
Party party_of(UserId user, const protocol::ShortLink& link) {
  return {user, SessionEntity(protocol::keys_of(link).id.view())};
}

}  // namespace

Result<LinkReadId> LinkReader::read(UserId user, const protocol::ShortLink& link) {
  SIMPLEX_ASSIGN(auto key, link_request_key(core_, link));
  const LinkReadId id(++last_);
  core_.turn.after_commit([this, id, reading = Reading{user, link, std::move(key.key)}]() mutable {
    readings_.insert_or_assign(id, std::move(reading));
    ask(id);
  });
  return id;
}

void LinkReader::ask(LinkReadId id) {
  auto& reading = readings_.at(id);
  const auto way = routes_.way(party_of(reading.user, reading.link), reading.link.server);
  if (way.relay == nullptr) {
    const auto none = Routes::no_way();
    return failed(id, failure_of(none), none.error);
  }
  if (reading.relay != way.relay) ++reading.ways;
  reading.relay = way.relay;
  reading.in_flight = way.relay->client() != nullptr;
  if (!reading.in_flight) return relays_.need(*way.relay);
  const auto link = protocol::keys_of(reading.link).id;
  auto done = [this, id](const smp::client::Outcome<smp::broker::Lnk>& answer) { answered(id, answer); };
  if (!reading.key) return routes_.get_link(way, reading.link.server, link, std::move(done));
  routes_.secure_and_get_link(way, reading.link.server, link, crypto::AuthPrivateKey(reading.key->clone()),
                              std::move(done));
}

void LinkReader::answered(LinkReadId id, const smp::client::Outcome<smp::broker::Lnk>& answer) {
  const auto found = readings_.find(id);
  if (found == readings_.end()) return;
  if (!answer) {
    const auto& why = answer.error();
    if (why.kind == smp::client::Failure::Kind::network) {  // the session is ending: relay_down() comes
      found->second.in_flight = false;
      return;
    }
    if (why.at_proxy && asks_otherwise(id, found->second.relay)) return;
    return failed(id, failure_of(why), explained_link(why));
  }
  const auto& link = found->second.link;
  auto contents = open_answer(link, *answer);
  if (!contents) return failed(id, failure_of(contents.error()), contents.error());
  const auto* contact = std::get_if<protocol::ContactUserData>(&contents->user.data);
  LinkRead event{id, kind_of(link), contents->user.content(), contact == nullptr || contact->direct};
  forget(id);
  core_.outbox.passing(std::move(event));
}

bool LinkReader::asks_otherwise(LinkReadId id, const Relay* failed) {
  auto& reading = readings_.at(id);
  const auto way = routes_.way(party_of(reading.user, reading.link), reading.link.server);
  if (way.relay == nullptr || way.relay == failed || reading.ways >= max_ways) return false;
  ask(id);
  return true;
}

void LinkReader::forget(LinkReadId id) {
  const auto found = readings_.find(id);
  relays_.release(party_of(found->second.user, found->second.link));
  readings_.erase(found);
}

void LinkReader::failed(LinkReadId id, Failure failure, Error error) {
  forget(id);
  core_.outbox.passing(LinkReadFailed{id, failure, std::move(error)});
}

void LinkReader::start() {
  for (const auto id : waiting_for(nullptr)) ask(id);
}

void LinkReader::stop() {
  for (auto& [id, reading] : readings_) {
    reading.relay = nullptr;
    reading.in_flight = false;
  }
}

std::vector<LinkReadId> LinkReader::waiting_for(const Relay* relay) const {
  std::vector<LinkReadId> waiting;
  for (const auto& [id, reading] : readings_) {
    if (reading.relay == relay && !reading.in_flight) waiting.push_back(id);
  }
  return waiting;
}

void LinkReader::relay_up(const Relay& relay) {
  for (const auto id : waiting_for(&relay)) ask(id);
}

// What was on its way there has failed before.
void LinkReader::relay_down(const Relay& relay, const smp::client::Failure& why) {
  for (const auto id : waiting_for(&relay)) {
    if (!asks_otherwise(id, &relay)) failed(id, failure_of(why), why.error);
  }
}

bool LinkReader::needs(const Relay& relay) const {
  return std::ranges::any_of(readings_, [&](const auto& entry) { return entry.second.relay == &relay; });
}

}  // namespace simplex::agent

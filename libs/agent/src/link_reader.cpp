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

}  // namespace

Result<LinkReadId> LinkReader::read(UserId user, const protocol::ShortLink& link) {
  SIMPLEX_ASSIGN(auto key, link_request_key(core_, link));
  const LinkReadId id(++last_);
  core_.turn.after_commit([this, id, reading = Reading{user, link, std::move(key.key), nullptr, false}]() mutable {
    ask(id, readings_.insert_or_assign(id, std::move(reading)).first->second);
  });
  return id;
}

void LinkReader::ask(LinkReadId id, Reading& reading) {
  reading.relay = &relays_.get(reading.user, reading.link.server);
  auto* client = reading.relay->client();
  reading.in_flight = client != nullptr;
  if (client == nullptr) return relays_.need(*reading.relay);
  ask_for_link(*client, reading.link, reading.key,
               [this, id](const smp::client::Outcome<smp::broker::Lnk>& answer) { answered(id, answer); });
}

void LinkReader::answered(LinkReadId id, const smp::client::Outcome<smp::broker::Lnk>& answer) {
  const auto found = readings_.find(id);
  if (found == readings_.end()) return;
  if (!answer) return failed(id, failure_of(answer.error()), explained_link(answer.error()));
  const auto& link = found->second.link;
  auto contents = open_answer(link, *answer);
  if (!contents) return failed(id, failure_of(contents.error()), contents.error());
  const auto* contact = std::get_if<protocol::ContactUserData>(&contents->user.data);
  LinkRead event{id, kind_of(link), contents->user.content(), contact == nullptr || contact->direct};
  readings_.erase(found);
  core_.outbox.passing(std::move(event));
}

void LinkReader::failed(LinkReadId id, Failure failure, Error error) {
  readings_.erase(id);
  core_.outbox.passing(LinkReadFailed{id, failure, std::move(error)});
}

void LinkReader::start() {
  for (auto& [id, reading] : readings_) ask(id, reading);
}

void LinkReader::stop() {
  for (auto& [id, reading] : readings_) {
    reading.relay = nullptr;
    reading.in_flight = false;
  }
}

void LinkReader::relay_up(const Relay& relay) {
  for (auto& [id, reading] : readings_) {
    if (reading.relay == &relay && !reading.in_flight) ask(id, reading);
  }
}

void LinkReader::relay_down(const Relay& relay, const smp::client::Failure& why) {
  std::vector<LinkReadId> lost;
  for (const auto& [id, reading] : readings_) {
    if (reading.relay == &relay) lost.push_back(id);
  }
  for (const auto id : lost) failed(id, failure_of(why), why.error);
}

bool LinkReader::needs(const Relay& relay) const {
  return std::ranges::any_of(readings_, [&](const auto& entry) { return entry.second.relay == &relay; });
}

}  // namespace simplex::agent

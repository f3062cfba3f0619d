#include "generate.hpp"

#include "simplex/encoding/base64.hpp"

namespace simplex::smp::testing {

Content Generator::content(std::size_t max) {
  return Content(contents_.emplace_back(random_.bytes(random_.below(max + 1))));
}

crypto::AuthPublicKey Generator::auth_key() {
  switch (random_.below(3)) {
    case 0: return *crypto::Ed25519PublicKey::from(random_.bytes(32));
    case 1: return *crypto::Ed448PublicKey::from(random_.bytes(57));
    default: return dh_key();
  }
}

BasicAuth Generator::password() { return *BasicAuth::from(as_bytes(hex(random_.bytes(random_.below(20))))); }

std::string Generator::text() { return "text " + hex(random_.bytes(random_.below(20))) + " \xD0\xBF\"\\"; }

protocol::ServerAddress Generator::server() {
  protocol::ServerAddress made;
  made.hosts.push_back(*protocol::Host::parse("a" + hex(random_.bytes(4)) + ".com"));
  if (coin()) made.hosts.push_back(*protocol::Host::parse("[2001:db8::" + hex(random_.bytes(2)) + "]"));
  if (coin()) made.port = "443";
  made.key_hash = protocol::KeyHash(random_.bytes(32));
  return made;
}

command::New Generator::new_command() {
  using New = command::New;
  New c;
  c.recipient_key = auth_key();
  c.recipient_dh_key = dh_key();
  c.password = maybe([&] { return password(); });
  c.subscription = coin() ? SubscriptionMode::subscribe : SubscriptionMode::only_create;
  c.mode = maybe([&]() -> New::Mode {
    if (coin()) return New::Messaging{maybe([&] { return New::MessagingLink{id<SenderId>(), link_data()}; })};
    return New::Contact{maybe([&] { return New::ContactLink{id<LinkId>(), id<SenderId>(), link_data()}; })};
  });
  c.notifier = maybe([&] { return NotifierKeys{auth_key(), dh_key()}; });
  return c;
}

ClientCommand Generator::command(std::size_t kind) {
  switch (kind) {
    case 0: return new_command();
    case 1: return command::Sub{};
    case 2: return command::Subs{queues()};
    case 3: return command::Key{auth_key()};
    case 4: {
      command::Rkey c;
      for (std::uint64_t i = 0; i <= random_.below(5); ++i) c.recipient_keys.push_back(auth_key());
      return c;
    }
    case 5: return command::Lset{id<LinkId>(), link_data()};
    case 6: return command::Ldel{};
    case 7: return command::Nkey{{auth_key(), dh_key()}};
    case 8: return command::Ndel{};
    case 9: return command::Get{};
    case 10: return command::Ack{id<MessageId>()};
    case 11: return command::Off{};
    case 12: return command::Del{};
    case 13: return command::Que{};
    case 14: return command::Skey{auth_key()};
    case 15: return command::Send{{coin()}, content(16088)};
    case 16: return command::Ping{};
    case 17: return command::Lkey{auth_key()};
    case 18: return command::Lget{};
    case 19: return command::Nsub{};
    case 20: return command::Nsubs{queues()};
    case 21: return command::Prxy{server(), maybe([&] { return password(); })};
    case 22:
      return command::Pfwd{SmpVersion(static_cast<std::uint16_t>(random_.below(65536))), dh_key(), content(16242)};
    case 23: return command::Rfwd{content(16330)};
    default: return command::Rslv{*SimplexDomain::parse("Name-" + hex(random_.bytes(4)) + ".simplex")};
  }
}

broker::Ids Generator::ids() {
  broker::Ids m{id<RecipientId>(), id<SenderId>(), dh_key(), {}, {}, {}, {}};
  m.mode = maybe([&] { return coin() ? QueueMode::messaging : QueueMode::contact; });
  m.link_id = maybe([&] { return id<LinkId>(); });
  m.service_id = maybe([&] { return id<ServiceId>(); });
  m.notifier = maybe([&] { return broker::Ids::Notifier{id<NotifierId>(), dh_key()}; });
  return m;
}

BrokerError Generator::broker_error() {
  switch (random_.below(7)) {
    case 0: return broker_errors::Response{text()};
    case 1: return broker_errors::Unexpected{text()};
    case 2: return broker_errors::Network{};
    case 3: return broker_errors::Host{};
    case 4: return broker_errors::NoService{};
    case 5: return broker_errors::Transport{static_cast<TransportErrorKind>(random_.below(9))};
    default: return broker_errors::Timeout{};
  }
}

ErrorType Generator::error(int nesting) {
  switch (random_.below(16)) {
    case 0: return errors::Block{};
    case 1: return errors::Session{};
    case 2: return static_cast<CommandError>(random_.below(6));
    case 3:
      if (coin() && nesting < 3) return proxied(error(nesting + 1));
      return errors::Proxy{proxy_errors::Broker{broker_error()}};
    case 4: return errors::Auth{};
    case 5: {
      BlockingInfo info{coin() ? BlockingReason::spam : BlockingReason::content, {}};
      if (coin())
        info.notice = BlockingInfo::Notice{maybe([&] { return static_cast<std::int64_t>(random_.number()); })};
      return errors::Blocked{info};
    }
    case 6: return errors::Service{};
    case 7: return errors::Crypto{};
    case 8: return errors::Quota{};
    case 9: return errors::Store{text()};
    case 10: return errors::NoMsg{};
    case 11: return errors::LargeMsg{};
    case 12: return errors::Expired{};
    case 13: return errors::Internal{};
    case 14:
      switch (random_.below(3)) {
        case 0: return errors::Name{name_errors::NoResolver{}};
        case 1: return errors::Name{name_errors::NotFound{}};
        default: return errors::Name{name_errors::Resolver{text()}};
      }
    default: return errors::Duplicate{};
  }
}

BrokerMessage Generator::message(std::size_t kind) {
  switch (kind) {
    case 0: return ids();
    case 1: return broker::Lnk{id<SenderId>(), link_data()};
    case 2: return broker::Sok{maybe([&] { return id<ServiceId>(); })};
    case 3: return broker::Soks{queues()};
    case 4: return broker::Msg{id<MessageId>(), content(16122)};
    case 5: return broker::Nid{id<NotifierId>(), dh_key()};
    case 6: return broker::Nmsg{*crypto::CbNonce::from(random_.bytes(24)), content(255)};
    case 7: {
      broker::Pkey m;
      m.session_id = random_.bytes(32);
      m.versions = {SmpVersion(8), SmpVersion(static_cast<std::uint16_t>(8 + random_.below(13)))};
      m.certificates = {random_.bytes(300), random_.bytes(400)};
      m.signed_key = random_.bytes(120);
      return m;
    }
    case 8: return broker::Rres{content(16283)};
    case 9: return broker::Pres{content(16242)};
    case 10: return broker::End{};
    case 11: return broker::Ends{queues()};
    case 12: return broker::Deld{};
    case 13: {
      QueueState state;
      state.secured = coin();
      state.notifications = coin();
      state.size = static_cast<std::int64_t>(random_.below(1000));
      state.subscription = maybe([&] {
        return QueueState::Subscription{static_cast<SubscriptionState>(random_.below(4)),
                                        maybe([&] { return text(); })};
      });
      state.first_message = maybe([&] {
        return QueueState::FirstMessage{text(), "2026-01-02T03:04:05Z",
                                        coin() ? StoredMessageKind::message : StoredMessageKind::quota};
      });
      return broker::Info{state};
    }
    case 14: return broker::Ok{};
    case 15: return broker::Err{error()};
    case 16: return broker::Pong{};
    case 17: return broker::Alls{};
    default: {
      NameRecord r;
      r.name = text();
      r.nickname = text();
      r.simplex_contact = {text(), text()};
      r.eth = maybe([&] { return text(); });
      r.dot = maybe([&] { return text(); });
      r.owner = "0x" + hex(random_.bytes(20));
      r.resolver = "0x" + hex(random_.bytes(20));
      return broker::Rname{r};
    }
  }
}

}  // namespace simplex::smp::testing

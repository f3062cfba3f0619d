#include "simplex/smp/client/client.hpp"

namespace simplex::smp::client {

namespace {

std::unexpected<Failure> unexpected_answer(const BrokerMessage& message) {
  return std::unexpected(Failure{Failure::Kind::unexpected,
                                 {ErrorKind::malformed, "the relay answered " + std::string(smp::name_of(message)) +
                                                            ", which does not fit the command"},
                                 std::nullopt});
}

// The callback for an answer that must be of one kind.
template <class Answer>
Done<BrokerMessage> expecting(Done<Answer> done) {
  return [done = std::move(done)](Outcome<BrokerMessage> answer) mutable {
    if (!answer) return done(std::unexpected(std::move(answer).error()));
    if (auto* const expected = std::get_if<Answer>(&*answer)) return done(std::move(*expected));
    done(unexpected_answer(*answer));
  };
}

// The callback for an answer that only says yes, in one of these ways.
template <class... Answers>
Done<BrokerMessage> expecting_yes(Done<> done) {
  return [done = std::move(done)](Outcome<BrokerMessage> answer) mutable {
    if (!answer) return done(std::unexpected(std::move(answer).error()));
    if ((std::holds_alternative<Answers>(*answer) || ...)) return done({});
    done(unexpected_answer(*answer));
  };
}

}  // namespace

void Client::command_for_ok(const EntityId& entity, const crypto::AuthPrivateKey* key, const ClientCommand& command,
                            Done<> done, const PrivateRoute* route) {
  route_command(route, entity, key, command, expecting_yes<broker::Ok>(std::move(done)));
}

void Client::route_command(const PrivateRoute* route, const EntityId& entity, const crypto::AuthPrivateKey* key,
                           const ClientCommand& command, Done<BrokerMessage> done) {
  if (route == nullptr) return this->command(entity, key, command, std::move(done));
  forward(*route, entity, key, command, std::move(done));
}

void Client::create_queue(const command::New& request, const crypto::AuthPrivateKey& key, Done<broker::Ids> done,
                          std::optional<CorrId> corr_id) {
  command({}, &key, request, expecting<broker::Ids>(std::move(done)), corr_id);
}

void Client::subscribe(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done) {
  command(entity_id(queue), &key, command::Sub{}, expecting_yes<broker::Ok, broker::Sok, broker::Msg>(std::move(done)));
}

void Client::secure(const RecipientId& queue, const crypto::AuthPrivateKey& key,
                    const crypto::AuthPublicKey& sender_key, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Key{sender_key}, std::move(done));
}

void Client::secure_as_sender(const SenderId& queue, const crypto::AuthPrivateKey& sender_key, Done<> done,
                              const PrivateRoute* route) {
  command_for_ok(entity_id(queue), &sender_key, command::Skey{crypto::public_key(sender_key)}, std::move(done), route);
}

void Client::send_message(const SenderId& queue, const crypto::AuthPrivateKey* sender_key, MessageFlags flags,
                          BytesView body, Done<> done, const PrivateRoute* route) {
  command_for_ok(entity_id(queue), sender_key, command::Send{flags, Content(body)}, std::move(done), route);
}

void Client::acknowledge(const RecipientId& queue, const crypto::AuthPrivateKey& key, const MessageId& message,
                         Done<> done) {
  command(entity_id(queue), &key, command::Ack{message}, expecting_yes<broker::Ok, broker::Msg>(std::move(done)));
}

void Client::suspend(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Off{}, std::move(done));
}

void Client::delete_queue(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Del{}, std::move(done));
}

void Client::queue_state(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<QueueState> done) {
  command(entity_id(queue), &key, command::Que{},
          expecting<broker::Info>([done = std::move(done)](Outcome<broker::Info> answer) mutable {
            if (!answer) return done(std::unexpected(std::move(answer).error()));
            done(std::move(answer->state));
          }));
}

void Client::set_link(const RecipientId& queue, const crypto::AuthPrivateKey& key, const LinkId& link,
                      const QueueLinkData& data, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Lset{link, data}, std::move(done));
}

void Client::delete_link(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Ldel{}, std::move(done));
}

void Client::secure_and_get_link(const LinkId& link, const crypto::AuthPrivateKey& sender_key, Done<broker::Lnk> done,
                                 const PrivateRoute* route) {
  route_command(route, entity_id(link), &sender_key, command::Lkey{crypto::public_key(sender_key)},
                expecting<broker::Lnk>(std::move(done)));
}

void Client::get_link(const LinkId& link, Done<broker::Lnk> done, const PrivateRoute* route) {
  route_command(route, entity_id(link), nullptr, command::Lget{}, expecting<broker::Lnk>(std::move(done)));
}

void Client::enable_notifications(const RecipientId& queue, const crypto::AuthPrivateKey& key, const NotifierKeys& keys,
                                  Done<broker::Nid> done) {
  command(entity_id(queue), &key, command::Nkey{keys}, expecting<broker::Nid>(std::move(done)));
}

void Client::disable_notifications(const RecipientId& queue, const crypto::AuthPrivateKey& key, Done<> done) {
  command_for_ok(entity_id(queue), &key, command::Ndel{}, std::move(done));
}

void Client::subscribe_notifications(const NotifierId& notifier, const crypto::AuthPrivateKey& key,
                                     Done<std::optional<ServiceId>> done) {
  command(entity_id(notifier), &key, command::Nsub{}, [done = std::move(done)](Outcome<BrokerMessage> answer) mutable {
    if (!answer) return done(std::unexpected(std::move(answer).error()));
    if (const auto* sok = std::get_if<broker::Sok>(&*answer)) return done(sok->service_id);
    if (std::holds_alternative<broker::Ok>(*answer)) return done(std::nullopt);
    done(unexpected_answer(*answer));
  });
}

void Client::subscribe_all(const ServiceQueues& expected, Done<broker::Soks> done) {
  service_command(command::Subs{expected}, expecting<broker::Soks>(std::move(done)));
}

void Client::subscribe_all_notifications(const ServiceQueues& expected, Done<broker::Soks> done) {
  service_command(command::Nsubs{expected}, expecting<broker::Soks>(std::move(done)));
}

void Client::ping(Done<> done) { command({}, nullptr, command::Ping{}, expecting_yes<broker::Pong>(std::move(done))); }

}  // namespace simplex::smp::client

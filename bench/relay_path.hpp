// The relay's path of a message, in this process and without sockets: what a client's connection gives to the relay and
// what it gets from it, as blocks. Measured by relay_bench.cpp in time, and by instructions.sh in instructions.
#pragma once

#include <stdexcept>

#include "simplex/protocol/block.hpp"
#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/shard.hpp"
#include "simplex/transport/block_coder.hpp"

namespace simplex::smp::server {

enum class Authorization { signature, authenticator };

template <class T, class E>
T required(std::expected<T, E> result) {
  if (!result) throw std::logic_error("the benchmark's own setting is wrong");
  return std::move(*result);
}

// A client and its connection to the relay: both ends of the blocks' encryption.
struct Connection {
  SessionPtr session;
  crypto::X25519PublicKey relay_key;
  BlockCodec client;
  transport::BlockCoder relay{std::nullopt};
  ClientId id;

  Connection(Random& random, Shard& shard, SmpVersion version) {
    auto keys = crypto::generate_x25519(random);
    const auto clients = crypto::generate_x25519(random);
    const Bytes session_id = random.bytes(32);
    relay_key = keys.public_key;
    if (version >= encrypted_block_version) {
      const auto agreed = required(crypto::dh(clients.public_key, keys.private_key));
      client = BlockCodec(Side::client, agreed, session_id);
      auto chains = crypto::init_chains(agreed, session_id);
      relay = transport::BlockCoder(transport::BlockKeys{std::move(chains.first), std::move(chains.second)});
    }
    session = std::make_shared<const ClientSession>(ClientSession{version, session_id, std::move(keys.private_key)});
    id = shard.connect(session);
  }

  Bytes block(Random& random, const crypto::AuthPrivateKey* key, BytesView entity_id, const ClientCommand& command) {
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = relay_key;
    protocol::Batch batch;
    const Bytes transmission =
        required(encode_client_transmission(session->params(), auth, CorrId::generate(random), entity_id, command));
    if (!batch.add(transmission)) throw std::logic_error("the command does not fit");
    return required(client.encode(batch.take()));
  }
};

class RelayPath {
 public:
  RelayPath(SmpVersion version, Authorization authorization)
      : shard_(0, 1, settings_, clock_, random_, store_),
        sender_(random_, shard_, version),
        recipient_(random_, shard_, version) {
    recipient_key_ = new_key(authorization);
    sender_key_ = new_key(authorization);
    const auto dh = crypto::generate_x25519(random_);
    const auto ids = std::get<broker::Ids>(
        one_answer(recipient_, recipient_.block(random_, &recipient_key_, {},
                                                command::New{.recipient_key = crypto::public_key(recipient_key_),
                                                             .recipient_dh_key = dh.public_key,
                                                             .password = std::nullopt,
                                                             .subscription = SubscriptionMode::subscribe,
                                                             .mode = command::New::Messaging{},
                                                             .notifier = std::nullopt})));
    recipient_id_ = to_bytes(ids.recipient_id.view());
    sender_id_ = to_bytes(ids.sender_id.view());
    expect_ok(one_answer(
        sender_, sender_.block(random_, &sender_key_, sender_id_, command::Skey{crypto::public_key(sender_key_)})));
  }

  Bytes send_block() { return sender_.block(random_, &sender_key_, sender_id_, command::Send{{}, Content(body_)}); }
  Bytes ack_block(const Bytes& message_id) {
    return recipient_.block(random_, &recipient_key_, recipient_id_,
                            command::Ack{smp::MessageId(BytesView(message_id))});
  }

  // What is measured: from a received block to the blocks that go out. Message id of the MSG that went to the recipient.
  [[gnu::noinline]] Bytes work(Connection& from, MutableBytes block) {
    transport::BlockCoder::Memory opened;
    shard_.receive(from.id, required(from.relay.open(block, opened)));
    shard_.flush();
    Bytes message_id;
    blocks_out_ = 0;
    for (auto& out : shard_.take_output().to_clients) {
      Connection& to = out.client == sender_.id ? sender_ : recipient_;
      const auto* delivery = std::get_if<Delivery>(&out.what);
      if (delivery != nullptr) message_id = to_bytes(delivery->message->id.view());
      const auto session = to.session->params();
      protocol::Batch batch(to.relay.room());
      const bool fits = delivery != nullptr ? add_delivery(batch, session, *delivery)
                                            : batch.add(encode_answer(session, std::get<Answer>(out.what)));
      if (!fits) throw std::logic_error("the answer does not fit");
      last_out_ = required(to.relay.make(batch.take()));
      ++blocks_out_;
    }
    return message_id;
  }

  Connection& sender() { return sender_; }
  Connection& recipient() { return recipient_; }
  [[nodiscard]] std::size_t blocks_out() const { return blocks_out_; }

 private:
  crypto::AuthPrivateKey new_key(Authorization authorization) {
    if (authorization == Authorization::signature) return crypto::generate_ed25519(random_).private_key;
    return crypto::generate_x25519(random_).private_key;
  }
  BrokerMessage one_answer(Connection& from, Bytes block) {
    transport::BlockCoder::Memory opened;
    shard_.receive(from.id, required(from.relay.open(block, opened)));
    shard_.flush();
    auto output = shard_.take_output();
    if (output.to_clients.size() != 1) throw std::logic_error("the relay did not answer once");
    return std::move(std::get<Answer>(output.to_clients.front().what).message);
  }
  static void expect_ok(const BrokerMessage& message) {
    if (!std::holds_alternative<broker::Ok>(message)) throw std::logic_error("the relay did not answer OK");
  }

  EngineSettings settings_;
  SystemClock clock_;
  SystemRandom random_;
  MemoryStore store_;
  Shard shard_;
  Connection sender_;
  Connection recipient_;
  crypto::AuthPrivateKey recipient_key_;
  crypto::AuthPrivateKey sender_key_;
  Bytes recipient_id_;
  Bytes sender_id_;
  Bytes body_ = random_.bytes(16000);
  std::size_t blocks_out_ = 0;
  Bytes last_out_;
};

}  // namespace simplex::smp::server

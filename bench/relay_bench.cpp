// rooms: smp_server smp_protocol protocol crypto with OpenSSL::Crypto PkgConfig::SODIUM
// The relay's path of a message: SEND is answered OK, and MSG goes to the subscriber; its ACK is answered OK. Everything the
// relay does between the octets that TLS gives and the octets that TLS gets, in this process: blocks, authorization, the
// engine, the memory store, encryption for the recipient. The floor is the same cryptography called bare: blocks of 16 KB
// opened and sealed, signatures or authenticators verified, the body encrypted once.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <stdexcept>

#include "simplex/protocol/block.hpp"
#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/shard.hpp"

namespace simplex::smp::server {
namespace {

using benchmark::DoNotOptimize;

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
  BlockCodec relay;
  ClientId id;

  Connection(Random& random, Shard& shard, SmpVersion version) {
    auto keys = crypto::generate_x25519(random);
    const auto clients = crypto::generate_x25519(random);
    const Bytes session_id = random.bytes(32);
    relay_key = keys.public_key;
    if (version >= encrypted_block_version) {
      const auto agreed = required(crypto::dh(clients.public_key, keys.private_key));
      client = BlockCodec(Side::client, agreed, session_id);
      relay = BlockCodec(Side::relay, agreed, session_id);
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

class Relay {
 public:
  Relay(SmpVersion version, Authorization authorization)
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
  Bytes work(Connection& from, MutableBytes block) {
    shard_.receive(from.id, required(from.relay.decode(block)));
    shard_.flush();
    Bytes message_id;
    blocks_out_ = 0;
    for (auto& out : shard_.take_output().to_clients) {
      Connection& to = out.client == sender_.id ? sender_ : recipient_;
      const auto* delivery = std::get_if<Delivery>(&out.what);
      const Bytes transmission = delivery != nullptr ? required(encode_delivery(to.session->params(), *delivery))
                                                     : encode_answer(to.session->params(), std::get<Answer>(out.what));
      if (delivery != nullptr) message_id = to_bytes(delivery->message->id.view());
      protocol::Batch batch;
      if (!batch.add(transmission)) throw std::logic_error("the answer does not fit");
      DoNotOptimize(required(to.relay.encode(batch.take())));
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
    shard_.receive(from.id, required(from.relay.decode(block)));
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
};

void message(benchmark::State& state, SmpVersion version, Authorization authorization) {
  Relay relay(version, authorization);
  for (auto _ : state) {
    state.PauseTiming();
    Bytes send = relay.send_block();
    state.ResumeTiming();
    const Bytes id = relay.work(relay.sender(), send);
    state.PauseTiming();
    if (relay.blocks_out() != 2 || id.empty()) {
      state.SkipWithError("SEND was not answered with OK and MSG");
      break;
    }
    Bytes ack = relay.ack_block(id);
    state.ResumeTiming();
    relay.work(relay.recipient(), ack);
    state.PauseTiming();
    if (relay.blocks_out() != 1) {
      state.SkipWithError("ACK was not answered with OK");
      break;
    }
    state.ResumeTiming();
  }
}

// ---- the floor -----------------------------------------------------------------------------------------------------

class Bare {
 public:
  explicit Bare(Authorization authorization) : authorization_(authorization) {
    crypto_sign_keypair(public_key_.data(), secret_key_.data());
    crypto_sign_detached(long_signature_.data(), nullptr, block_.data(), body_size, secret_key_.data());
    crypto_sign_detached(short_signature_.data(), nullptr, block_.data(), 150, secret_key_.data());
    crypto_box_keypair(dh_public_.data(), dh_secret_.data());
  }
  void seal(std::size_t size) {
    crypto_box_easy_afternm(out_.data(), block_.data(), size, nonce_.data(), key_.data());
    DoNotOptimize(out_.data());
  }
  void block(bool encrypted) {
    if (!encrypted) return;
    for (int i = 0; i < 3; ++i) crypto_auth_hmacsha512(chain_.data(), chain_.data(), chain_.size(), key_.data());
    seal(16368);
  }
  void authorization(std::size_t size, const Bytes& signature) {
    if (authorization_ == Authorization::signature) {
      DoNotOptimize(crypto_sign_verify_detached(signature.data(), block_.data(), size, public_key_.data()));
      return;
    }
    EVP_Digest(block_.data(), size, hash_.data(), nullptr, EVP_sha512(), nullptr);
    DoNotOptimize(crypto_scalarmult(agreed_.data(), dh_secret_.data(), dh_public_.data()));
    crypto_box_easy_afternm(out_.data(), hash_.data(), hash_.size(), nonce_.data(), key_.data());
    DoNotOptimize(out_.data());
  }
  void message(bool encrypted) {
    for (int blocks = 0; blocks < 5; ++blocks) block(encrypted);
    authorization(body_size, long_signature_);
    authorization(150, short_signature_);
    seal(16106);
  }

 private:
  static constexpr std::size_t body_size = 16100;
  Authorization authorization_;
  Bytes block_ = Bytes(16384, 1);
  Bytes out_ = Bytes(16384 + 16);
  Bytes key_ = Bytes(32, 2);
  Bytes nonce_ = Bytes(24, 3);
  Bytes chain_ = Bytes(64, 4);
  Bytes hash_ = Bytes(64);
  Bytes public_key_ = Bytes(32);
  Bytes secret_key_ = Bytes(64);
  Bytes long_signature_ = Bytes(64);
  Bytes short_signature_ = Bytes(64);
  Bytes dh_public_ = Bytes(32);
  Bytes dh_secret_ = Bytes(32);
  Bytes agreed_ = Bytes(32);
};

void bare_message(benchmark::State& state, SmpVersion version, Authorization authorization) {
  Bare bare(authorization);
  for (auto _ : state) bare.message(version >= encrypted_block_version);
}

constexpr SmpVersion plain_blocks{10};
BENCHMARK_CAPTURE(message, signed_encrypted, current_version, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed");
BENCHMARK_CAPTURE(bare_message, signed_encrypted, current_version, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed/floor");
BENCHMARK_CAPTURE(message, authenticated_encrypted, current_version, Authorization::authenticator)
    ->Name("relay SEND to MSG to ACK authenticated");
BENCHMARK_CAPTURE(bare_message, authenticated_encrypted, current_version, Authorization::authenticator)
    ->Name("relay SEND to MSG to ACK authenticated/floor");
BENCHMARK_CAPTURE(message, signed_plain, plain_blocks, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed (v10 blocks)");
BENCHMARK_CAPTURE(bare_message, signed_plain, plain_blocks, Authorization::signature)
    ->Name("relay SEND to MSG to ACK signed (v10 blocks)/floor");

}  // namespace
}  // namespace simplex::smp::server

#include "simplex/crypto/ratchet.hpp"
#include "simplex/crypto/signature.hpp"
#include "simplex/smp/client_message.hpp"
#include "simplex/smp/message_body.hpp"
#include "simplex/store/database.hpp"
#include "measures.hpp"

namespace simplex::bench {
namespace {

constexpr std::size_t padded_pq = 13'618;
constexpr std::size_t padded = 15'840;
constexpr int transactions_of_connecting = 4;  // each side's confirmation, stored and received

template <class T, class E>
T required(std::expected<T, E> made) {
  if (!made) throw std::logic_error("the floor's own setting is wrong");
  return std::move(*made);
}

class FloorRun {
 public:
  FloorRun(const AgentSettings& settings, store::Database database)
      : settings_(settings), database_(std::move(database)), body_(settings.size, 'x') {}

  Result<Floor> run() {
    SIMPLEX_TRY(database_.execute(
        "CREATE TABLE floor (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL) STRICT"));
    Floor floor;
    SIMPLEX_ASSIGN(floor.connect, timed(settings_.connects, [&] { return connect(); }));
    SIMPLEX_TRY(message_times(floor));
    SIMPLEX_ASSIGN(floor.group, timed(1, [&] { return group(); }));
    SIMPLEX_ASSIGN(floor.subscribe, timed(1, [&] { return subscribe(); }));
    return floor;
  }

 private:
  // The mean of so many.
  template <class Work>
  Result<Duration> timed(std::size_t count, Work&& work) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) SIMPLEX_TRY(work());
    return (std::chrono::steady_clock::now() - began) / static_cast<Duration::rep>(std::max<std::size_t>(count, 1));
  }

  Result<> transaction(BytesView stored) {
    SIMPLEX_TRY(database_.begin());
    SIMPLEX_TRY(database_.run("INSERT INTO floor (body) VALUES (?)", stored));
    return database_.commit();
  }

  [[nodiscard]] crypto::PqSupport support() const {
    return settings_.pq ? crypto::PqSupport::on : crypto::PqSupport::off;
  }

  // Both sides of the ratchet, two queues with their keys, and a confirmation each way.
  Result<> connect() {
    const auto version = crypto::e2e_version_pq;
    const auto theirs = crypto::generate_receiver_params(random_, version, crypto::PqSupport::off);
    const auto ours = crypto::generate_sender_params(
        random_, version, crypto::kem_reply(version, theirs.params.proposed_kem(), support()));
    const crypto::RatchetVersions versions{version, version};
    bob_.emplace(
        required(crypto::RatchetState::init_sending(versions, theirs.params.key2, crypto::generate_x448(random_),
                                                    required(crypto::x3dh_sender(ours.keys, theirs.params)))));
    alice_.emplace(crypto::RatchetState::init_receiving(
        versions, theirs.keys.key2.clone(), required(crypto::x3dh_receiver(theirs.keys, ours.params)), support()));
    for (int queue = 0; queue < 2; ++queue) {
      recipient_key_ = crypto::generate_ed25519(random_).private_key;
      sender_key_ = crypto::generate_ed25519(random_).private_key;
      const auto relay = crypto::generate_x25519(random_);
      const auto recipient = crypto::generate_x25519(random_);
      relay_key_ = required(crypto::box_key(relay.public_key, recipient.private_key));
      const auto sender = crypto::generate_x25519(random_);
      e2e_key_ = required(crypto::box_key(sender.public_key, recipient.private_key));
      (void)crypto::sign(recipient_key_, body_);  // NEW
      (void)crypto::sign(sender_key_, body_);     // SKEY
    }
    turn(*bob_, *alice_);
    turn(*alice_, *bob_);
    for (int i = 0; i < transactions_of_connecting; ++i) SIMPLEX_TRY(transaction(body_));
    return {};
  }

  Bytes seal(crypto::RatchetState& from) {
    const auto encrypted = required(from.encrypt(body_, settings_.pq ? padded_pq : padded));
    auto sealed = required(smp::seal_client_message(e2e_key_, crypto::random_nonce(random_), {SmpClientVersion(4), {}},
                                                    {std::nullopt, smp::Content(encrypted)}));
    (void)crypto::sign(sender_key_, sealed);
    return sealed;
  }
  void open(crypto::RatchetState& to, BytesView received) {
    const auto envelope = required(smp::decode_client_message_envelope(received));
    const auto plain = required(smp::open_client_message(e2e_key_, envelope));
    const auto message = required(smp::decode_client_message(plain));
    auto decrypted = to.decrypt(message.body.bytes, random_, skipped_);
    (void)required(std::move(decrypted.plaintext));
    (void)crypto::sign(recipient_key_, body_);  // ACK
  }
  void turn(crypto::RatchetState& from, crypto::RatchetState& to) { open(to, seal(from)); }

  Result<> message_times(Floor& floor) {
    // As in a conversation: both sides have sent.
    for (int i = 0; i < 3; ++i) {
      turn(*bob_, *alice_);
      turn(*alice_, *bob_);
    }
    std::vector<Bytes> sent;
    SIMPLEX_ASSIGN(floor.sender, timed(settings_.messages, [&]() -> Result<> {
                     auto sealed = seal(*alice_);
                     SIMPLEX_TRY(transaction(body_));
                     // What the relay does with it is its own floor's.
                     sent.push_back(std::move(sealed));
                     return {};
                   }));
    std::vector<std::pair<smp::MessageId, Bytes>> delivered;
    for (const auto& each : sent) {
      const smp::MessageId id(random_.bytes(24));
      delivered.emplace_back(id, required(smp::encrypt_queue_message(
                                     relay_key_, id, smp::MessageBody{WallTime(), {}, smp::Content(each)})));
    }
    std::size_t next = 0;
    SIMPLEX_ASSIGN(floor.recipient, timed(delivered.size(), [&]() -> Result<> {
                     auto& [id, encrypted] = delivered[next++];
                     const auto opened = required(smp::decrypt_queue_message(relay_key_, id, encrypted));
                     open(*bob_, std::get<smp::MessageBody>(opened).body.bytes);
                     return transaction(body_);
                   }));
    return {};
  }

  // The keys of the message; encryption of the body is work of its delivery.
  Result<> group() {
    SIMPLEX_TRY(database_.begin());
    for (std::size_t i = 0; i < settings_.group; ++i) {
      const auto key = required(alice_->encrypt_header(std::nullopt));
      Writer writer(3'000);
      crypto::write_message_encrypt_key(writer, key);
      SIMPLEX_TRY(database_.run("INSERT INTO floor (body) VALUES (?)", writer.view()));
    }
    return database_.commit();
  }

  Result<> subscribe() {
    for (std::size_t i = 0; i < settings_.idle; ++i) {
      SIMPLEX_ASSIGN(auto row, database_.prepare("SELECT body FROM floor WHERE number = ?"));
      SIMPLEX_TRY(row.bind_all(static_cast<std::int64_t>(1 + i % settings_.messages)));
      SIMPLEX_TRY(row.step());
      (void)crypto::sign(recipient_key_, row.octets(0).first(std::min<std::size_t>(row.octets(0).size(), 64)));
    }
    return {};
  }

  const AgentSettings& settings_;
  store::Database database_;
  SystemRandom random_;
  Bytes body_;
  std::optional<crypto::RatchetState> alice_;
  std::optional<crypto::RatchetState> bob_;
  crypto::SkippedKeysInMemory skipped_;
  crypto::Ed25519PrivateKey recipient_key_;
  crypto::Ed25519PrivateKey sender_key_;
  crypto::BoxKey relay_key_;
  crypto::BoxKey e2e_key_;
};

}  // namespace

Result<Floor> measure_floor(const AgentSettings& settings) {
  SIMPLEX_ASSIGN(auto database, store::Database::open({.path = settings.folder / "floor.db",
                                                       .passphrase = SecretBytes(as_bytes(settings.passphrase))}));
  return FloorRun(settings, std::move(database)).run();
}

}  // namespace simplex::bench

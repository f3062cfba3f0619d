#include "sender.hpp"

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/smp/proxy_layers.hpp"

namespace simplex::bench {
namespace {

constexpr smp::MessageFlags no_notification{};

Peer::Handlers handlers(Lost lost) { return {.event = {}, .lost = std::move(lost), .drained = {}}; }

class DirectSender final : public Sender {
 public:
  DirectSender(Worker& worker, Lost lost)
      : worker_(worker), peer_(worker, handlers(std::move(lost)), worker.settings.batch) {}

  void connect(Finished done) override { peer_.connect(worker_.settings.relay.address, std::move(done)); }

  void secure(Peer& recipient, Queue& queue, Finished done) override {
    if (worker_.settings.version >= smp::sender_key_version)
      return secure_by_sender(worker_, peer_, queue, std::move(done));
    secure_by_recipient(worker_, recipient, queue, peer_.session().peer_key, std::move(done));
  }

  void send(const Queue& queue, BytesView body, Finished done) override {
    peer_.send(&*queue.sender_key, queue.sender_id.view(), smp::command::Send{no_notification, smp::Content(body)},
               [done = std::move(done)](const smp::ReceivedMessage& answer) mutable {
                 if (std::holds_alternative<smp::broker::Ok>(answer.message)) return done({});
                 done(std::unexpected(unexpected("SEND", answer)));
               });
  }

 private:
  Worker& worker_;
  Peer peer_;
};

// PRXY once, then PFWD with a new key for each command, as clients do, so that the proxy can't tell who sends what.
class RoutedSender final : public Sender {
 public:
  RoutedSender(Worker& worker, Lost lost)
      : worker_(worker), peer_(worker, handlers(std::move(lost)), worker.settings.batch) {}

  void connect(Finished done) override {
    const auto& proxy = *worker_.settings.proxy;
    peer_.connect(proxy.address, [this, &proxy, done = std::move(done)](Result<> connected) mutable {
      if (!connected) return done(std::move(connected));
      peer_.send(nullptr, {}, smp::command::Prxy{worker_.settings.relay.address, proxy.password},
                 [this, done = std::move(done)](const smp::ReceivedMessage& answer) mutable {
                   const auto* key = std::get_if<smp::broker::Pkey>(&answer.message);
                   done(key == nullptr ? std::unexpected(unexpected("PRXY", answer)) : begin_session(*key));
                 });
    });
  }

  void secure(Peer& recipient, Queue& queue, Finished done) override {
    secure_by_recipient(worker_, recipient, queue, relay_key_, std::move(done));
  }

  void send(const Queue& queue, BytesView body, Finished done) override {
    const auto pair = crypto::generate_x25519(worker_.random);
    auto key = crypto::box_key(*relay_key_, pair.private_key);
    if (!key) return done(std::unexpected(key.error()));
    const auto corr_id = peer_.next_corr_id();
    const auto nonce = crypto::cb_nonce(corr_id.view());
    const auto forwarded = make_transmission(relay_params(), &*queue.sender_key, corr_id, queue.sender_id.view(),
                                             smp::command::Send{no_notification, smp::Content(body)});
    const auto sealed = smp::seal_forwarded(*key, nonce, forwarded);
    if (!sealed) return done(std::unexpected(sealed.error()));
    const auto transmission =
        make_transmission(peer_.params(), nullptr, corr_id, relay_session_,
                          smp::command::Pfwd{relay_version_, pair.public_key, smp::Content(*sealed)});
    peer_.send(corr_id, transmission,
               [this, key = std::move(*key), nonce, done = std::move(done)](
                   const smp::ReceivedMessage& answer) mutable { done(open(key, nonce, answer)); });
  }

 private:
  [[nodiscard]] smp::SessionParams relay_params() const { return {relay_version_, relay_session_}; }

  // The proxy is not trusted: the relay's key is signed by the relay's own certificate.
  Result<> begin_session(const smp::broker::Pkey& offered) {
    const auto bad = [] {
      return fail(ErrorKind::authentication, "the proxy did not show the key of the relay", Advice::give_up);
    };
    const auto identity = transport::identity_of(offered.certificates);
    if (!identity || !std::ranges::equal(identity->view(), worker_.settings.relay.address.key_hash.view()))
      return bad();
    SIMPLEX_TRY(transport::verify_relay_chain(offered.certificates, *identity, worker_.loop.wall()));
    SIMPLEX_ASSIGN(const auto signer, transport::certified_key(offered.certificates.front()));
    SIMPLEX_ASSIGN(const auto spki, transport::verify_signed_key(signer, offered.signed_key));
    const auto key = crypto::from_spki<crypto::X25519PublicKey>(spki);
    if (!key) return bad();
    const auto versions = offered.versions.intersect({smp::authenticator_version, worker_.settings.version});
    if (!versions) return fail(ErrorKind::version, "the relay behind the proxy does not speak this version of SMP");
    relay_key_ = *key;
    relay_version_ = versions->max;
    relay_session_ = offered.session_id;
    return {};
  }

  Result<> open(const crypto::BoxKey& key, const crypto::CbNonce& nonce, const smp::ReceivedMessage& answer) const {
    const auto* response = std::get_if<smp::broker::Pres>(&answer.message);
    if (response == nullptr) return std::unexpected(unexpected("PFWD", answer));
    auto octets = to_bytes(response->encrypted.bytes);
    SIMPLEX_ASSIGN(const auto transmission, smp::open_forwarded(key, crypto::reversed(nonce), octets));
    const auto received = smp::decode_broker_transmission(relay_params(), transmission);
    if (!received) return fail(ErrorKind::malformed, "what the relay answered through the proxy is no message of SMP");
    if (std::holds_alternative<smp::broker::Ok>(received->message)) return {};
    return std::unexpected(unexpected("SEND through the proxy", *received));
  }

  Worker& worker_;
  Peer peer_;
  std::optional<crypto::X25519PublicKey> relay_key_;
  SmpVersion relay_version_;
  Bytes relay_session_;
};

}  // namespace

std::unique_ptr<Sender> make_direct_sender(Worker& worker, Lost lost) {
  return std::make_unique<DirectSender>(worker, std::move(lost));
}
std::unique_ptr<Sender> make_routed_sender(Worker& worker, Lost lost) {
  return std::make_unique<RoutedSender>(worker, std::move(lost));
}

}  // namespace simplex::bench

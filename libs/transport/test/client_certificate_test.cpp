// A client that shows a certificate of its own.
#include "simplex/transport/tls.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

class ClientCertificate : public ::testing::Test {
 protected:
  std::uint16_t listen(bool ask) {
    ListenSettings settings;
    settings.addresses = {{"127.0.0.1", 0}};
    settings.ask_client_certificate = ask;
    listener_ = listen_tls(*loop_, test_credentials(), settings,
                           {.accepted = [this](ChannelPtr channel) { accepted_ = std::move(channel); },
                            .refused = [this](const Error&) { ++refused_; }})
                    .value();
    return listener_->ports().at(0);
  }
  // What the listener sees of the client.
  std::vector<Bytes> seen(std::uint16_t port, std::shared_ptr<const ClientCredentials> credentials,
                          TlsVersions versions) {
    const auto connector = make_tls_connector(
        {.keep_alive = {}, .versions = versions, .network = {}, .credentials = std::move(credentials)});
    std::optional<Result<ChannelPtr>> result;
    accepted_.reset();
    const auto attempt =
        connector->connect(*loop_, {{{"127.0.0.1", port}}, test_credentials().identity, {"smp/1"}, 10s},
                           [&](Result<ChannelPtr> made) { result = std::move(made); });
    EXPECT_TRUE(run_until(*loop_, [&] { return result.has_value() && (accepted_ || refused_ > 0); }));
    return accepted_ ? accepted_->info().peer_certificates : std::vector<Bytes>();
  }
  static std::shared_ptr<const ClientCredentials> credentials(CertificateChain chain,
                                                              const crypto::SignaturePrivateKey& key) {
    return std::make_shared<const ClientCredentials>(ClientCredentials{
        std::move(chain), std::visit([](const auto& one) { return crypto::SignaturePrivateKey(one.clone()); }, key)});
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<TlsListener> listener_;
  ChannelPtr accepted_;
  int refused_ = 0;
  testing::SeededRandom random_{4};
  const std::vector<TlsVersions> versions_{{true, false}, {false, true}};
};

TEST_F(ClientCertificate, AServicesChainIsSeenByARelayThatAsks) {
  const auto alone = issue_identity(SignatureAlgorithm::ed25519, loop_->wall(), random_);
  const auto pair = make_credentials(SignatureAlgorithm::ed448, loop_->wall(), random_);
  const auto port = listen(true);
  for (const auto versions : versions_) {
    EXPECT_TRUE(seen(port, nullptr, versions).empty());
    EXPECT_EQ(seen(port, credentials({alone.certificate}, alone.key), versions), CertificateChain{alone.certificate});
    EXPECT_EQ(seen(port, credentials(pair.chain, pair.key), versions), pair.chain);
  }
  EXPECT_EQ(refused_, 0);
}

TEST_F(ClientCertificate, IsNotSeenByARelayThatDoesNotAsk) {
  const auto alone = issue_identity(SignatureAlgorithm::ed25519, loop_->wall(), random_);
  const auto port = listen(false);
  for (const auto versions : versions_) {
    EXPECT_TRUE(seen(port, credentials({alone.certificate}, alone.key), versions).empty());
  }
  EXPECT_EQ(refused_, 0);
}

TEST_F(ClientCertificate, AChainThatIsNoneIsRefused) {
  const auto one = make_credentials(SignatureAlgorithm::ed25519, loop_->wall(), random_);
  const auto other = make_credentials(SignatureAlgorithm::ed25519, loop_->wall(), random_);
  const auto port = listen(true);
  for (const auto versions : versions_) {
    refused_ = 0;
    EXPECT_TRUE(seen(port, credentials({one.chain[0], other.chain[1]}, one.key), versions).empty());
    EXPECT_EQ(refused_, 1);
  }
  EXPECT_ANY_THROW((void)make_tls_connector(
      {.keep_alive = {}, .versions = {}, .network = {}, .credentials = credentials(one.chain, other.key)}));
}

}  // namespace
}  // namespace simplex::transport

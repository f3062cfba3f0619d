// Web credentials beside those of SMP, plain TCP, and our client of the web.
#include "simplex/transport/web.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "simplex/transport/tls.hpp"
#include "raw_client.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

namespace fs = std::filesystem;

struct PemFiles {
  fs::path certificate;
  fs::path key;
};

class Web : public ::testing::Test {
 protected:
  Web() {
    std::signal(SIGPIPE, SIG_IGN);  // the client that is not ours writes to closed connections
    folder_ = fs::temp_directory_path() / ("simplex-web-" + std::to_string(::getpid()) + "-" +
                                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  ~Web() override { fs::remove_all(folder_); }

  // A self-signed certificate of `localhost`, as PEM files.
  PemFiles make_files(const std::string& name, EVP_PKEY* key) {
    X509Ptr certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    auto* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), subject);
    const std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost"));
    X509_add_ext(certificate.get(), names.get(), -1);
    X509_sign(certificate.get(), key, EVP_sha256());
    PemFiles made{folder_ / (name + ".crt"), folder_ / (name + ".key")};
    const BioPtr certificate_file(BIO_new_file(made.certificate.c_str(), "wb"));
    PEM_write_bio_X509(certificate_file.get(), certificate.get());
    const BioPtr key_file(BIO_new_file(made.key.c_str(), "wb"));
    PEM_write_bio_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return made;
  }
  PemFiles ecdsa(const std::string& name) {
    const KeyPtr key(EVP_EC_gen("P-256"));
    return make_files(name, key.get());
  }
  PemFiles rsa(const std::string& name) {
    const KeyPtr key(EVP_RSA_gen(2048));
    return make_files(name, key.get());
  }
  static std::shared_ptr<const WebCredentials> load(const PemFiles& files) {
    auto made = load_web_credentials(files.certificate, files.key);
    EXPECT_TRUE(made) << made.error().message;
    return std::make_shared<const WebCredentials>(std::move(*made));
  }

  std::uint16_t listen(Serves serves, std::shared_ptr<const WebCredentials> web) {
    ListenSettings settings;
    settings.addresses = {{"127.0.0.1", 0, serves}};
    settings.alpn = {"smp/1", "http/1.1"};
    settings.web = std::move(web);
    auto made = listen_tls(*loop_, test_credentials(), std::move(settings),
                           {.accepted = [this](ChannelPtr channel) { accepted_.push_back(std::move(channel)); },
                            .refused = [this](const Error& error) { refused_.push_back(error); }});
    EXPECT_TRUE(made) << made.error().message;
    listener_ = std::move(*made);
    return listener_->ports().at(0);
  }

  // What a client that is not ours sees; and what the listener tells of it, when there was a connection.
  struct Seen {
    bool connected = false;
    Bytes shown;
  };
  Seen visit(std::uint16_t port, RawTlsOptions options) {
    Seen seen;
    std::atomic<bool> over = false;
    std::thread client([&] {
      const RawTlsClient raw(port, options);
      seen.connected = raw.connected();
      seen.shown = raw.shown();
      over = true;
    });
    EXPECT_TRUE(run_until(*loop_, [&] { return over.load(); }));
    client.join();
    EXPECT_TRUE(run_until(*loop_, [&] { return listener_->counters().handshakes == 0; }));
    return seen;
  }

  static RawTlsOptions browser() {
    RawTlsOptions options;
    options.alpn = "http/1.1";
    options.host = "localhost";
    options.suites = "TLS_AES_128_GCM_SHA256";
    options.groups = "P-256";
    return options;
  }

  fs::path folder_;
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<TlsListener> listener_;
  std::vector<ChannelPtr> accepted_;
  std::vector<Error> refused_;
};

TEST_F(Web, ASharedPortShowsTheWebCertificateToWhoNamesAHost) {
  for (const auto& files : {ecdsa("ecdsa"), rsa("rsa")}) {
    const auto web = load(files);
    const auto port = listen(Serves::smp_and_web, web);
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
      auto options = browser();
      options.version = version;
      const auto seen = visit(port, options);
      EXPECT_TRUE(seen.connected);
      EXPECT_EQ(seen.shown, web->chain.front());
      ASSERT_FALSE(accepted_.empty());
      EXPECT_TRUE(accepted_.back()->info().web);
      EXPECT_EQ(accepted_.back()->info().alpn, "http/1.1");
      EXPECT_EQ(accepted_.back()->info().shown, nullptr);
    }
  }
}

TEST_F(Web, SmpClientsOfASharedPortGetTheRelaysCertificateWithAndWithoutAName) {
  const auto port = listen(Serves::smp_and_web, load(ecdsa("web")));
  for (const auto& [alpn, host] :
       {std::pair<std::string, std::string>("smp/1", ""), {"http/1.1", ""}, {"", ""}, {"smp/1", "localhost"}}) {
    RawTlsOptions options;
    options.alpn = alpn;
    options.host = host;
    const auto seen = visit(port, options);
    EXPECT_TRUE(seen.connected) << alpn << " " << host;
    EXPECT_EQ(seen.shown, test_credentials().chain.front());
    ASSERT_FALSE(accepted_.empty());
    EXPECT_FALSE(accepted_.back()->info().web);
    ASSERT_NE(accepted_.back()->info().shown, nullptr);
    EXPECT_EQ(accepted_.back()->info().shown->chain, test_credentials().chain);
  }
  // Their ciphers stay what they were: nothing of the web's is taken without a name.
  auto wide = browser();
  wide.host.clear();
  EXPECT_FALSE(visit(port, wide).connected);
}

TEST_F(Web, OtherPortsServeTheOneOrTheOther) {
  const auto web = load(ecdsa("web"));
  auto options = browser();
  EXPECT_FALSE(visit(listen(Serves::smp, web), options).connected);
  options.host.clear();
  EXPECT_EQ(visit(listen(Serves::web, web), options).shown, web->chain.front());
  EXPECT_TRUE(accepted_.back()->info().web);
  options.alpn.clear();
  EXPECT_EQ(visit(listen(Serves::web, web), options).shown, web->chain.front());
}

TEST_F(Web, WithoutAWebCertificateASharedPortServesSmpAlone) {
  const auto port = listen(Serves::smp_and_web, nullptr);
  RawTlsOptions options;
  options.host = "localhost";
  EXPECT_EQ(visit(port, options).shown, test_credentials().chain.front());
  EXPECT_FALSE(visit(listen(Serves::web, nullptr), browser()).connected);
}

TEST_F(Web, CredentialsAreExchangedWhileConnectionsStay) {
  const auto first = load(ecdsa("first"));
  const auto second = load(rsa("second"));
  const auto port = listen(Serves::smp_and_web, first);
  const auto connector = make_tls_connector();
  ChannelPtr client;
  const auto connect = [&](const ServerCredentials& wanted) {
    bool over = false;
    client.reset();
    const auto attempt = connector->connect(*loop_, {{{"127.0.0.1", port}}, wanted.identity, {"smp/1"}, 10s},
                                            [&](Result<ChannelPtr> made) {
                                              over = true;
                                              if (made) client = std::move(*made);
                                            });
    const auto before = accepted_.size();
    EXPECT_TRUE(run_until(*loop_, [&] { return over && (!client || accepted_.size() > before); }));
    return client != nullptr;
  };
  ASSERT_TRUE(connect(test_credentials()));
  auto old_client = std::move(client);
  auto old_relay = std::move(accepted_.back());

  testing::SeededRandom random(9);
  const auto renewed = make_credentials(SignatureAlgorithm::ed448, loop_->wall(), random);
  listener_->use_credentials(renewed);
  ASSERT_TRUE(listener_->use_web_credentials(second));
  EXPECT_TRUE(connect(renewed));
  EXPECT_EQ(accepted_.back()->info().shown->chain, renewed.chain);
  EXPECT_FALSE(connect(test_credentials()));
  EXPECT_EQ(visit(port, browser()).shown, second->chain.front());
  ASSERT_TRUE(listener_->use_web_credentials(nullptr));
  EXPECT_FALSE(visit(port, browser()).connected);

  std::string heard;
  bool ended = false;
  old_client->start({.data = [&](BytesView octets) { heard += as_text(octets); },
                     .closed = [&](const Error&) { ended = true; },
                     .drained = {}});
  old_relay->send(to_bytes(as_bytes("still here")));
  EXPECT_TRUE(run_until(*loop_, [&] { return heard == "still here"; }));
  EXPECT_FALSE(ended);
}

TEST_F(Web, FilesThatDoNotBelongTogetherSaySo) {
  const auto one = ecdsa("one");
  const auto other = ecdsa("other");
  const auto mixed = load_web_credentials(one.certificate, other.key);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(contains(mixed.error().message, "other.key is not the key of")) << mixed.error().message;
  EXPECT_EQ(load_web_credentials(folder_ / "none.crt", one.key).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(contains(load_web_credentials(one.key, one.key).error().message, "has no certificate"));
  EXPECT_TRUE(contains(load_web_credentials(one.certificate, one.certificate).error().message, "has no private key"));
  // An encrypted key must not make a server wait for a password.
  const KeyPtr key(EVP_EC_gen("P-256"));
  const auto locked = folder_ / "locked.key";
  {
    const BioPtr file(BIO_new_file(locked.c_str(), "wb"));
    PEM_write_bio_PrivateKey(file.get(), key.get(), EVP_aes_128_cbc(), reinterpret_cast<const unsigned char*>("secret"),
                             6, nullptr, nullptr);
  }
  EXPECT_TRUE(contains(load_web_credentials(one.certificate, locked).error().message, "encrypted"));
}

TEST_F(Web, OurWebClientTrustsAuthoritiesAndNamesOnly) {
  const auto files = ecdsa("web");
  const auto port = listen(Serves::web, load(files));
  const auto result = [&](const WebConnectorSettings& settings, const std::string& host) {
    auto connector = make_web_connector(settings);
    EXPECT_TRUE(connector);
    std::optional<Result<ChannelPtr>> made;
    const auto attempt =
        (*connector)->connect(*loop_, {host, port}, 10s, [&](Result<ChannelPtr> one) { made = std::move(one); });
    EXPECT_TRUE(run_until(*loop_, [&] { return made.has_value(); }));
    return std::move(*made);
  };
  const auto trusted = result({true, files.certificate}, "localhost");
  EXPECT_TRUE(trusted) << trusted.error().message;
  const auto other_name = result({true, files.certificate}, "127.0.0.1");
  ASSERT_FALSE(other_name);
  EXPECT_EQ(other_name.error().kind, ErrorKind::authentication);
  const auto untrusted = result({true, ecdsa("other").certificate}, "localhost");
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().kind, ErrorKind::authentication);
  EXPECT_FALSE(make_web_connector({true, folder_ / "none.crt"}));
}

TEST_F(Web, PlainTcpCarriesOctetsBothWays) {
  std::vector<ChannelPtr> accepted;
  auto listener = listen_tcp(*loop_, {{{"127.0.0.1", 0}}, PortSharing::alone, {}},
                             [&](ChannelPtr channel) { accepted.push_back(std::move(channel)); });
  ASSERT_TRUE(listener);
  const auto port = (*listener)->ports().at(0);
  EXPECT_FALSE(listen_tcp(*loop_, {{{"127.0.0.1", port}}, PortSharing::alone, {}}, [](ChannelPtr) {}));
  ChannelPtr client;
  const auto attempt = connect_tcp(*loop_, {"localhost", port}, 10s, [&](Result<ChannelPtr> made) {
    ASSERT_TRUE(made) << made.error().message;
    client = std::move(*made);
  });
  ASSERT_TRUE(run_until(*loop_, [&] { return client && !accepted.empty(); }));
  auto& relay = accepted.front();
  EXPECT_FALSE(relay->info().web);

  std::size_t heard = 0;
  bool drained = false;
  std::optional<Error> client_closed;
  relay->start({.data = [&](BytesView octets) { heard += octets.size(); }, .closed = {}, .drained = {}});
  client->start({.data = {},
                 .closed = [&](Error error) { client_closed = std::move(error); },
                 .drained = [&] { drained = true; }});
  relay->pause_reading();
  client->send(Bytes(10'000'000, 7));
  EXPECT_GT(client->pending(), 0U);  // more than the kernel takes
  relay->resume_reading();
  EXPECT_TRUE(run_until(*loop_, [&] { return heard == 10'000'000 && drained; }));
  // What is queued goes out before the end.
  client->pause_reading();
  relay->send(Bytes(1'000'000, 8));
  relay->close();
  EXPECT_FALSE(client_closed);
  client->resume_reading();
  EXPECT_TRUE(run_until(*loop_, [&] { return client_closed.has_value(); }));
  EXPECT_EQ(client_closed->message, "the peer closed the connection");

  std::optional<Result<ChannelPtr>> refused;
  (*listener).reset();
  const auto late =
      connect_tcp(*loop_, {"127.0.0.1", port}, 10s, [&](Result<ChannelPtr> made) { refused = std::move(made); });
  EXPECT_TRUE(run_until(*loop_, [&] { return refused.has_value(); }));
  EXPECT_FALSE(*refused);
}

}  // namespace
}  // namespace simplex::transport

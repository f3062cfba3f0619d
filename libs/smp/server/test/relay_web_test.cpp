// A whole relay with its web site, on sockets of this machine; and the configuration of both.
#include <gmock/gmock.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/config.hpp"
#include "simplex/smp/server/server.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class Warnings final : public Logger {
 public:
  bool enabled(LogLevel level) const noexcept override { return level >= LogLevel::warning; }
  void write(LogLevel, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    all_ += std::string(text) + "\n";
    written_.notify_all();
  }
  [[nodiscard]] std::string all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] bool wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, 20s, [&] { return all_.find(text) != all_.npos; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::string all_;
};

class RelayWithWeb : public ::testing::Test {
 protected:
  RelayWithWeb() {
    std::signal(SIGPIPE, SIG_IGN);
    folder_ = fs::temp_directory_path() / ("simplex-relay-web-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~RelayWithWeb() override {
    server_.reset();
    fs::remove_all(folder_);
  }

  void make_certificate() {
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost -keyout " +
        (folder_ / "web.key").string() + " -out " + (folder_ / "web.crt").string() + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
  }
  ServerSettings settings(std::uint16_t https_port) {
    ServerSettings made;
    made.node.credentials = credentials_.clone();
    made.addresses = {{"127.0.0.1", 0}};
    made.threads = 2;
    made.web.bind = "127.0.0.1";
    made.web.https = WebSettings::Https{https_port, folder_ / "web.crt", folder_ / "web.key"};
    return made;
  }
  void start(ServerSettings with) {
    auto started = Server::start(std::move(with), logger_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }

  // A page, as a browser gets it: the body, or what went wrong.
  std::string page(std::uint16_t port, const std::string& path, bool tls) {
    const auto loop = async::make_thread_loop();
    std::string result = "nothing";
    auto connector = transport::make_web_connector({tls, folder_ / "web.crt"});
    if (!connector) return connector.error().message;
    std::unique_ptr<server_kit::HttpExchange> exchange;
    const auto attempt =
        (*connector)->connect(*loop, {"localhost", port}, 20s, [&](Result<transport::ChannelPtr> channel) {
          if (!channel) {
            result = channel.error().message;
            return loop->stop();
          }
          exchange = server_kit::http_get(*loop, std::move(*channel), {"localhost", path, {}, 100'000, 20s},
                                          [&](Result<server_kit::HttpAnswer> answer) {
                                            result = answer ? answer->body : answer.error().message;
                                            loop->stop();
                                          });
        });
    loop->run();
    return result;
  }
  // Whether an SMP client gets through its handshake.
  bool smp_works(const std::vector<std::string>& alpn) {
    const auto loop = async::make_thread_loop();
    const auto connector = transport::make_tls_connector();
    bool works = false;
    std::unique_ptr<transport::BlockSession> session;
    const auto attempt = connector->connect(
        *loop, {{{"127.0.0.1", server_->ports().at(0)}}, credentials_.identity, alpn, 20s},
        [&](Result<transport::ChannelPtr> channel) {
          if (!channel) return loop->stop();
          transport::ClientHandshakeSettings handshake;
          handshake.identity = credentials_.identity;
          session = transport::BlockSession::as_client(*loop, std::move(*channel), std::move(handshake),
                                                       crypto::generate_x25519(random_), 20s,
                                                       {.ready =
                                                            [&] {
                                                              works = true;
                                                              loop->stop();
                                                            },
                                                        .block = {},
                                                        .closed = [&](const Error&) { loop->stop(); },
                                                        .drained = {}});
        });
    loop->run();
    return works;
  }

  fs::path folder_;
  SystemRandom random_;
  SystemClock clock_;
  Warnings logger_;
  transport::ServerCredentials credentials_ =
      transport::make_credentials(transport::SignatureAlgorithm::ed25519, clock_.wall(), random_);
  std::unique_ptr<Server> server_;
};

TEST_F(RelayWithWeb, OnePortServesBrowsersAndSmp) {
  make_certificate();
  start(settings(0));
  ASSERT_THAT(server_->ports(), SizeIs(1));
  const auto port = server_->ports()[0];
  for (int i = 0; i < 8; ++i) {  // on every thread
    EXPECT_THAT(page(port, "/", true), HasSubstr("message relay"));
    EXPECT_TRUE(smp_works({"smp/1"}));
  }
  EXPECT_THAT(page(port, "/a", true), HasSubstr("/media/link.js"));
  EXPECT_TRUE(smp_works({"http/1.1"}));  // the reference's clients at port 443
  EXPECT_TRUE(smp_works({}));
  EXPECT_EQ(logger_.all(), "");
}

TEST_F(RelayWithWeb, WithoutACertificateTheRelayWorksAndItsReloadBringsThePages) {
  start(settings(0));
  EXPECT_THAT(logger_.all(), HasSubstr("web.crt"));
  EXPECT_TRUE(smp_works({"smp/1"}));
  EXPECT_FALSE(server_->reload_web_certificate());
  make_certificate();
  ASSERT_TRUE(server_->reload_web_certificate());
  std::string text;
  for (int i = 0; i < 1'000 && text.find("message relay") == text.npos; ++i)
    text = page(server_->ports()[0], "/", true);
  EXPECT_THAT(text, HasSubstr("message relay"));
  EXPECT_TRUE(smp_works({"smp/1"}));
}

TEST_F(RelayWithWeb, PlainHttpHasAPortOfItsOwn) {
  auto with = settings(0);
  with.web.https.reset();
  with.web.http = {"127.0.0.1", 0};
  with.web.site.folder = folder_ / "www";
  with.node.engine.new_queues = false;
  start(std::move(with));
  ASSERT_TRUE(server_->http());
  EXPECT_EQ(server_->http()->host, "127.0.0.1");
  EXPECT_THAT(page(server_->http()->port, "/", false), HasSubstr("Cannot be created"));
  EXPECT_TRUE(fs::exists(folder_ / "www" / "index.html"));
  EXPECT_TRUE(smp_works({"smp/1"}));
}

TEST_F(RelayWithWeb, HttpsWithoutACertificateIsSaid) {
  auto with = settings(0);
  with.web.https.reset();
  with.web.https_without_certificate = 443;
  start(std::move(with));
  EXPECT_THAT(logger_.all(), HasSubstr("https = 443"));
  EXPECT_THAT(logger_.all(), HasSubstr("cert and key"));
  EXPECT_TRUE(smp_works({"smp/1"}));
}

TEST_F(RelayWithWeb, AResolverOfNamesThatIsDownIsAWarning) {
  auto with = settings(0);
  with.web.https.reset();
  with.names.emplace();
  ASSERT_TRUE(with.names->set_endpoint("http://127.0.0.1:1"));
  start(std::move(with));
  EXPECT_TRUE(logger_.wait_for("resolver_endpoint"));
  EXPECT_THAT(logger_.all(), HasSubstr("transport failure"));
  EXPECT_TRUE(smp_works({"smp/1"}));
}

TEST_F(RelayWithWeb, AFolderThatCanNotBeWrittenIsAWarning) {
  auto with = settings(0);
  with.web.https.reset();
  with.web.site.folder = "/proc/no-such-folder";
  start(std::move(with));
  EXPECT_THAT(logger_.all(), HasSubstr("web site"));
  EXPECT_TRUE(smp_works({"smp/1"}));
}

// ---- configuration

Result<ServerConfig> config_of(std::string_view text) {
  auto ini = server_kit::Ini::parse(text, "smp-server.ini");
  EXPECT_TRUE(ini);
  return read_config(*ini, {"/etc/opt/simplex", "/var/opt/simplex"});
}

TEST(WebConfig, SectionsHaveTheirEffect) {
  const auto config = config_of(
      "[INFORMATION]\nsource_code = https://example.org\noperator = Alice\noperator_country = ch\n"
      "admin_simplex = simplex:/a#x\nhosting_type = owned\n[TRANSPORT]\nhost = smp.example,abc.onion\nport = 5223,443\n"
      "[WEB]\nstatic_path = /var/www\nhttp = 8000\nhttps = 443\ncert = /c\nkey = /k\n"
      "[NAMES]\nenable = on\nresolver_endpoint = https://names.example\nresolver_auth = bearer token\n"
      "resolver_timeout_ms = 500\n[LIMITS]\nweb_connections = 7\nnames_per_connection = 8\nnames_waiting = 9\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->unknown.empty());
  const auto& web = config->server.web;
  EXPECT_EQ(web.site.information.operator_name, "Alice");
  EXPECT_EQ(web.site.information.operator_country, "CH");
  EXPECT_EQ(web.site.information.hosting_type, "owned");
  EXPECT_EQ(web.site.onion_host, "abc.onion");
  EXPECT_EQ(web.site.folder, "/var/www");
  EXPECT_EQ(web.http, (transport::Endpoint{"", 8'000}));
  ASSERT_TRUE(web.https);
  EXPECT_EQ(web.https->port, 443);
  EXPECT_EQ(web.https->certificate, "/c");
  EXPECT_EQ(web.limits.connections, 7U);
  ASSERT_TRUE(config->server.names);
  EXPECT_EQ(config->server.names->timeout, 500ms);
  EXPECT_EQ(config->server.names->waiting, 9U);
  EXPECT_EQ(config->server.node.engine.names, 8U);
  EXPECT_EQ(as_text(config->server.names->authorization.reveal()), "Bearer token");
}

TEST(WebConfig, NoneOfItIsNeeded) {
  const auto config = config_of("[TRANSPORT]\nhost = smp.example\nport = 5223\n[WEB]\nhttps = 443\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->server.web.https);
  EXPECT_FALSE(config->server.web.http);
  EXPECT_EQ(config->server.web.https_without_certificate, 443);
  EXPECT_FALSE(config->server.names);
}

TEST(WebConfig, HttpMayHaveAnAddress) {
  const auto http = [](const std::string& value) {
    return config_of("[TRANSPORT]\nport = 1\nbind = 192.0.2.7\n[WEB]\nhttp = " + value + "\n");
  };
  using transport::Endpoint;
  EXPECT_EQ(http("8080")->server.web.http, (Endpoint{"192.0.2.7", 8'080}));
  EXPECT_EQ(http("127.0.0.1:8080")->server.web.http, (Endpoint{"127.0.0.1", 8'080}));
  EXPECT_EQ(http("[::1]:8080")->server.web.http, (Endpoint{"::1", 8'080}));
  EXPECT_EQ(http("localhost:0")->server.web.http, (Endpoint{"localhost", 0}));
  EXPECT_FALSE(http("off")->server.web.http);
  for (const auto* wrong :
       {"127.0.0.1:", ":8080", "::1:8080", "[]:8080", "127.0.0.1:web", "127.0.0.1:65536", "8080x"}) {
    const auto config = http(wrong);
    ASSERT_FALSE(config) << wrong;
    EXPECT_THAT(config.error().message, HasSubstr("127.0.0.1:8080")) << wrong;
  }
}

TEST(WebConfig, WrongValuesAreNamedAndSecretsAreNot) {
  const auto config = config_of(
      "[INFORMATION]\nserver_country = Germany\nhosting_type = cloud\nadmin_simplex = me\n[TRANSPORT]\nport = 5223\n"
      "[WEB]\nhttp = web\n[NAMES]\nenable = on\nresolver_endpoint = http://names.example\nresolver_auth = sesame\n");
  ASSERT_FALSE(config);
  for (const auto* part :
       {"server_country = Germany", "hosting_type = cloud", "admin_simplex = me", "http = web", "resolver_auth"}) {
    EXPECT_THAT(config.error().message, HasSubstr(part));
  }
  EXPECT_THAT(config.error().message, Not(HasSubstr("sesame")));
  EXPECT_THAT(config_of("[TRANSPORT]\nport = 1\n[NAMES]\nenable = on\nresolver_endpoint = http://names.example\n"
                        "resolver_auth = bearer sesame\n")
                  .error()
                  .message,
              HasSubstr("use https"));
  EXPECT_FALSE(config_of("[TRANSPORT]\nport = 1\n[NAMES]\nenable = on\n"));
  EXPECT_TRUE(config_of("[TRANSPORT]\nport = 1\n[NAMES]\nenable = off\nresolver_endpoint = nonsense\n"));
}

}  // namespace
}  // namespace simplex::smp::server

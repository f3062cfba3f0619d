#include "simplex/smp/server/config.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/setup.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ServerFolders folders{"/etc/opt/simplex", "/var/opt/simplex"};

Result<ServerConfig> config_of(std::string_view text) {
  auto ini = server_kit::Ini::parse(text, "smp-server.ini");
  EXPECT_TRUE(ini);
  return read_config(*ini, folders);
}

TEST(Config, TheReferenceRelaysFileIsUnderstood) {
  const auto ini = server_kit::Ini::load(SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/etc/smp-server.ini");
  ASSERT_TRUE(ini);
  const auto config = read_config(*ini, folders);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->unknown, IsEmpty());
  EXPECT_THAT(config->ports, ElementsAre(5423));
  EXPECT_EQ(config->host, "localhost");
  EXPECT_EQ(config->server.store_log, "/var/opt/simplex/smp-server-store.log");
  EXPECT_EQ(config->server.messages, "/var/opt/simplex/smp-server-messages.log");
  EXPECT_EQ(config->server.node.engine.message_ttl, std::chrono::days(21));
  EXPECT_EQ(config->server.node.engine.queue_quota, 128u);
  EXPECT_EQ(config->server.node.limits.inactive_ttl, std::chrono::hours(6));
  EXPECT_FALSE(config->password);
}

TEST(Config, SettingsHaveTheirEffect) {
  const auto config = config_of(
      "[STORE_LOG]\nenable = off\nexpire_messages_days = 3\n[AUTH]\nnew_queues = off\ncreate_password = sesame\n"
      "[TRANSPORT]\nhost = relay.example\nport = 5223, 443\nbind = 127.0.0.1\n[INACTIVE_CLIENTS]\ndisconnect = off\n"
      "[LIMITS]\nconnections = 10\nqueue_quota = 5\nthreads = 3\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->server.store_log);
  EXPECT_FALSE(config->server.messages) << "without the store log, messages would have no queues";
  EXPECT_FALSE(config->server.node.engine.new_queues);
  EXPECT_TRUE(config->server.node.engine.password);
  EXPECT_THAT(config->ports, ElementsAre(5223, 443));
  EXPECT_EQ(config->server.addresses[1].host, "127.0.0.1");
  EXPECT_EQ(config->server.addresses[1].port, 443);
  EXPECT_FALSE(config->server.node.limits.disconnect_inactive);
  EXPECT_EQ(config->server.node.limits.connections, 10u);
  EXPECT_EQ(config->server.node.engine.queue_quota, 5u);
  EXPECT_EQ(config->server.threads, 3u);
}

TEST(Config, LimitsThatTheReferenceFixesCanBeSet) {
  const auto config = config_of(
      "[STORE_LOG]\ndb_timeout = 7\ndb_waiting_bytes = 2000000\ndb_lease_wait = 0\n"
      "[LIMITS]\nqueue_id_bytes = 32\nmessage_id_bytes = 28\nrefusal_rest_ms = 5\nproxy_connect_timeout = 1\n"
      "proxy_command_timeout = 2\nproxy_error_time = 3\nproxy_quiet_time = 4\nproxy_remembered_errors = 9\n"
      "proxy_unanswered_of_client = 500\ncontrol_idle_timeout = 6\nweb_header_timeout = 8\n");
  ASSERT_TRUE(config) << config.error().message;
  const auto& engine = config->server.node.engine;
  EXPECT_EQ(engine.queue_id_octets, 32u);
  EXPECT_EQ(engine.message_id_octets, 28u);
  EXPECT_EQ(engine.use.rest, std::chrono::milliseconds(5));
  EXPECT_EQ(config->server.proxy.connect_timeout, std::chrono::seconds(1));
  EXPECT_EQ(config->server.proxy.command_timeout, std::chrono::seconds(2));
  EXPECT_EQ(config->server.proxy.persist_error, std::chrono::seconds(3));
  EXPECT_EQ(config->server.proxy.quiet_limit, std::chrono::seconds(4));
  EXPECT_EQ(config->server.proxy.remembered_errors, 9u);
  EXPECT_EQ(config->server.proxy.unanswered_of_client, 500u);
  EXPECT_EQ(config->operations.control_idle_timeout, std::chrono::seconds(6));
  EXPECT_EQ(config->server.web.limits.header_timeout, std::chrono::seconds(8));
  EXPECT_EQ(config->store.database.timeout, std::chrono::seconds(7));
  EXPECT_EQ(config->store.database.waiting_octets, 2'000'000u);
  EXPECT_EQ(config->store.database.lease_wait, std::chrono::seconds(0));
  for (const auto* wrong : {"queue_id_bytes = 15", "queue_id_bytes = 33", "message_id_bytes = 23",
                            "message_id_bytes = 33", "message_id_bytes = off"}) {
    const auto refused = config_of("[LIMITS]\n" + std::string(wrong) + "\n");
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr("must be a whole number from ")) << wrong;
  }
}

TEST(Config, WrongValuesAreAllNamedAtOnce) {
  const auto config = config_of(
      "[STORE_LOG]\nstore_messages = ram\n[AUTH]\ncreate_password = a@b\n[TRANSPORT]\nport = many\n"
      "[LIMITS]\nqueue_quota = 0\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().advice, Advice::ask_user);
  for (const auto* part : {"smp-server.ini:2: [STORE_LOG] store_messages = ram: must be one of: memory, journal",
                           "smp-server.ini:4: [AUTH] create_password", "smp-server.ini:6: [TRANSPORT] port = many",
                           "smp-server.ini:8: [LIMITS] queue_quota = 0: must be a whole number from 1"}) {
    EXPECT_THAT(config.error().message, HasSubstr(part));
  }
}

TEST(Config, HostsAndAddressesAreChecked) {
  for (const auto* right :
       {"host = <hostnames>", "host = relay.example,abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion",
        "host = 192.0.2.1", "host = [2001:db8::1]", "host = my_relay", "bind = 127.0.0.1, ::1",
        "bind =", "bind = localhost"}) {
    EXPECT_TRUE(config_of("[TRANSPORT]\n" + std::string(right) + "\n")) << right;
  }
  for (const auto* wrong : {"host =", "host = smp://relay.example", "host = relay.example:5223", "host = 300.1.2.3",
                            "host = a..b", "bind = 127.0.0.1 # here", "bind = 127.0.0.1:5223", "bind = 5223"}) {
    const auto config = config_of("[TRANSPORT]\n" + std::string(wrong) + "\n");
    ASSERT_FALSE(config) << wrong;
    EXPECT_THAT(config.error().message, HasSubstr("smp-server.ini:2: [TRANSPORT] " + std::string(wrong))) << wrong;
    EXPECT_THAT(config.error().message, HasSubstr("for example")) << wrong;
  }
  const auto socks = config_of("[PROXY]\nsocks_proxy = local;host:9050\n");
  ASSERT_FALSE(socks);
  EXPECT_THAT(socks.error().message, HasSubstr("smp-server.ini:2: [PROXY] socks_proxy"));
}

TEST(Config, AWrongStoreIsOneMistake) {
  const auto config = config_of("[STORE_LOG]\nstore_queues = foo\nstore_messages = database\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "smp-server.ini:2: [STORE_LOG] store_queues = foo: must be one of: memory, embedded, database");
}

TEST(Config, ACommentAfterAValueIsPointedAt) {
  const auto config = config_of("[LIMITS]\nqueue_quota = 5 # a few\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("(a comment needs a line of its own)"));
}

TEST(Config, ItsOwnPortsDoNotMeet) {
  const auto config = config_of(
      "[TRANSPORT]\nport = 5223,443,5223\ncontrol_port = 443\n[WEB]\nhttps = 443\nhttp = 5223\ncert = a\nkey = b\n"
      "[LIMITS]\nprometheus_port = 443\n");
  ASSERT_FALSE(config);
  for (const auto* part : {":2: [TRANSPORT] port = 5223,443,5223: has the port 5223 twice",
                           ":3: [TRANSPORT] control_port = 443: [TRANSPORT] port has the port 443 already",
                           ":6: [WEB] http = 5223: [TRANSPORT] port has the port 5223 already",
                           ":10: [LIMITS] prometheus_port = 443: [TRANSPORT] port has the port 443 already"}) {
    EXPECT_THAT(config.error().message, HasSubstr(part));
  }
  EXPECT_THAT(config.error().message, ::testing::Not(HasSubstr("https")));
  EXPECT_TRUE(
      config_of("[TRANSPORT]\nport = 5223,443\nbind = 192.0.2.1\ncontrol_port = 443\n[WEB]\nhttps = 443\n"
                "cert = a\nkey = b\n"));
  EXPECT_TRUE(config_of("[TRANSPORT]\nport = 0,0\ncontrol_port = 0\n[LIMITS]\nprometheus_port = 0\n"));
}

TEST(Config, LogLevelsAreThoseOfTheCommandLine) {
  for (const auto* level : {"trace", "debug", "info", "note", "warn", "error", "off"}) {
    EXPECT_TRUE(config_of("[LOG]\nlevel = " + std::string(level) + "\n")) << level;
  }
  EXPECT_FALSE(config_of("[LOG]\nlevel = loud\n"));
}

TEST(Config, UnknownAndUnusedSettingsAreTold) {
  const auto config =
      config_of("[TRANSPORT]\nport = 1\nspeed = 11\nmy_password = x\naccept_service_credentials = on\n");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->unknown, ElementsAre("smp-server.ini:3: [TRANSPORT] speed = 11",
                                           "smp-server.ini:4: [TRANSPORT] my_password = (not shown)"));
  EXPECT_THAT(config->unused, ElementsAre("[TRANSPORT] accept_service_credentials"));
}

TEST(Config, PortsForWebSocketsAreThoseThatSmpDoesNotHave) {
  const auto served = [](const std::string& websockets) {
    const auto config = config_of("[TRANSPORT]\nport = 5223,443\nwebsockets = " + websockets + "\n");
    std::vector<std::uint16_t> ports;
    if (!config) return ports;
    for (const auto& address : config->server.addresses) {
      if (address.serves == transport::Serves::smp_in_web_sockets) ports.push_back(address.port);
    }
    return ports;
  };
  EXPECT_THAT(served("off"), ElementsAre());
  EXPECT_THAT(served("on"), ElementsAre(80));
  EXPECT_THAT(served("8080, 443,8081"), ElementsAre(8080, 8081));
  const auto wrong = config_of("[TRANSPORT]\nport = 5223\nwebsockets = yes\n");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("smp-server.ini:3: [TRANSPORT] websockets = yes: must be off, on"));
}

TEST(Config, WithoutAKeyItIsAsTheReferenceHasIt) {
  const auto config = config_of("[TRANSPORT]\nport = 5223\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->store.kind, StoreKind::memory);
  EXPECT_FALSE(config->server.store_log);
  EXPECT_FALSE(config->server.node.limits.disconnect_inactive);
  EXPECT_TRUE(config->server.node.engine.new_queues);
  EXPECT_FALSE(config->operations.statistics);
  EXPECT_FALSE(config->operations.control_port);
  EXPECT_EQ(config->operations.daily_block_quota, 20);
}

TEST(Config, StoresAreChosenAsTheReferenceNamesThem) {
  const auto journal = config_of("[STORE_LOG]\nenable = on\nstore_queues = memory\nstore_messages = journal\n");
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->store.kind, StoreKind::embedded);
  EXPECT_TRUE(journal->store.journal);
  const auto database = config_of(
      "[STORE_LOG]\nstore_queues = database\ndb_schema = relay\ndb_pool_size = 3\ndb_deleted_ttl = 2\n"
      "expire_messages_days = 3\nexpire_messages_seconds = 100\n");
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(database->store.kind, StoreKind::database);
  EXPECT_EQ(database->store.database.schema, "relay");
  EXPECT_EQ(database->store.database.deleted_ttl, std::chrono::days(2));
  EXPECT_EQ(database->server.node.engine.message_ttl, std::chrono::seconds(100));
  for (const auto* wrong :
       {"store_queues = memory\nstore_messages = database\n", "store_queues = embedded\nstore_messages = memory\n",
        "store_queues = database\nstore_messages = embedded\n"}) {
    const auto config = config_of(std::string("[STORE_LOG]\n") + wrong);
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().message, HasSubstr("smp-server.ini:3: [STORE_LOG] store_messages"));
  }
}

TEST(Config, TheControlPortAndStatisticsAreRead) {
  const auto config = config_of(
      "[STORE_LOG]\nlog_stats = on\nprometheus_interval = 30\n[TRANSPORT]\ncontrol_port = 5224\nmin_version = 9\n"
      "[AUTH]\ncontrol_port_admin_password = secret\ndaily_block_queue_quota = -1\n"
      "[LIMITS]\nprometheus_port = 9100\nexempt_addresses = 10.0.0.0/8\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->operations.daily, "/var/opt/simplex/smp-server-stats.daily.log");
  EXPECT_EQ(config->operations.metrics_interval, std::chrono::seconds(30));
  EXPECT_EQ(config->operations.control_port, 5224);
  EXPECT_TRUE(config->operations.passwords.admin);
  EXPECT_EQ(config->operations.daily_block_quota, -1);
  EXPECT_EQ(config->operations.prometheus_port, 9100);
  EXPECT_EQ(config->server.node.versions.min, SmpVersion(9));
  EXPECT_EQ(config->server.address_limits.exempt.size(), 1u);
}

class Init : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("smp_server_init_" + std::to_string(::getpid()));
    std::filesystem::remove_all(top_);
    folders_ = {top_ / "etc", top_ / "log"};
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  std::filesystem::path top_;
  ServerFolders folders_;
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(Init, MakesARelayThatStarts) {
  InitOptions options;
  options.fqdn = "relay.example";
  options.port = "0";
  options.source_code = "https://example.com/source";
  options.operator_name = "Example Ltd";
  const auto made = initialize(options, folders_, clock_, random_);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(made->password);
  const auto address = address_of(made->config, made->identity, 5223);
  EXPECT_THAT(address, HasSubstr(":" + *made->password + "@relay.example"));
  EXPECT_TRUE(address.ends_with("@relay.example"));

  const auto ini = server_kit::Ini::load(folders_.ini());
  ASSERT_TRUE(ini) << ini.error().message;
  EXPECT_EQ(ini->find("INFORMATION", "operator")->value, "Example Ltd");
  auto config = read_config(*ini, folders_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->unknown, IsEmpty());
  EXPECT_THAT(config->unused, IsEmpty());
  auto credentials = transport::load_credentials(folders_.config);
  ASSERT_TRUE(credentials) << credentials.error().message;
  EXPECT_EQ(credentials->identity, made->identity);
  EXPECT_EQ(std::filesystem::status(folders_.ini()).permissions(), std::filesystem::perms(0600));

  config->server.node.credentials = std::move(*credentials);
  NullLogger logger;
  auto server = Server::start(std::move(config->server), logger);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE((*server)->ports().at(0), 0);
  EXPECT_TRUE((*server)->stop());
}

TEST_F(Init, DoesNotTouchARelayThatIsThere) {
  InitOptions options;
  options.no_password = true;
  const auto first = initialize(options, folders_, clock_, random_);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->password);
  const auto before = *server_kit::read_file(folders_.config / "ca.crt");
  const auto again = initialize(options, folders_, clock_, random_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(*server_kit::read_file(folders_.config / "ca.crt"), before);

  std::filesystem::remove(folders_.ini());
  const auto with_certificates = initialize(options, folders_, clock_, random_);
  ASSERT_FALSE(with_certificates);
  EXPECT_EQ(with_certificates.error().kind, ErrorKind::conflict);
  EXPECT_EQ(*server_kit::read_file(folders_.config / "ca.crt"), before);
}

TEST_F(Init, WrongOptionsWriteNothing) {
  InitOptions options;
  options.password = "with spaces @";
  EXPECT_FALSE(initialize(options, folders_, clock_, random_));
  options.password = "";
  options.port = "a lot";
  EXPECT_FALSE(initialize(options, folders_, clock_, random_));
  options.port = "5223";
  options.operator_name = "me\ncreate_password = stolen";
  EXPECT_FALSE(initialize(options, folders_, clock_, random_));
  EXPECT_FALSE(std::filesystem::exists(folders_.config));
}

}  // namespace
}  // namespace simplex::smp::server

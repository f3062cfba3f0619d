// The whole relay on 127.0.0.1, and clients made of the same connector and block session as any client's.
#include "simplex/smp/server/server.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <fstream>

#include "simplex/server_kit/files.hpp"
#include "simplex/smp/message_body.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// A client with a loop of its own, run by the test's thread.
class SocketClient {
 public:
  SocketClient(std::uint16_t port, const transport::KeyHash& identity, std::uint16_t version,
               std::vector<std::string> alpn = {"smp/1"}, bool proxy = false)
      : loop_(async::make_thread_loop()), connector_(transport::make_tls_connector()) {
    transport::ConnectOptions options;
    options.endpoints = {{"127.0.0.1", port}};
    options.identity = identity;
    options.alpn = std::move(alpn);
    options.timeout = std::chrono::seconds(20);
    attempt_ = connector_->connect(
        *loop_, std::move(options), [this, identity, version, proxy](Result<transport::ChannelPtr> made) {
          if (!made) {
            error_ = made.error();
            return loop_->stop();
          }
          transport::ClientHandshakeSettings settings;
          settings.identity = identity;
          settings.versions = {SmpVersion(6), SmpVersion(version)};
          settings.proxy = proxy;
          session_ = transport::BlockSession::as_client(*loop_, std::move(*made), std::move(settings),
                                                        crypto::generate_x25519(random_), std::chrono::seconds(20),
                                                        {.ready =
                                                             [this] {
                                                               ready_ = true;
                                                               loop_->stop();
                                                             },
                                                         .block = [this](BytesView content) { received(content); },
                                                         .closed =
                                                             [this](Error error) {
                                                               error_ = std::move(error);
                                                               loop_->stop();
                                                             },
                                                         .drained = {}});
        });
    run_until([this] { return ready_; });
  }

  struct Got {
    std::shared_ptr<Bytes> octets;
    CorrId corr_id;
    BrokerMessage message;
  };

  [[nodiscard]] bool ready() const { return ready_ && !error_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] SmpVersion version() const { return session_->session().version; }
  [[nodiscard]] SessionParams params() const {
    return {session_->session().version, session_->session().session_id.view()};
  }

  Bytes transmission(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                     const CorrId& corr_id) {
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = session_->session().peer_key;
    return encode_client_transmission(params(), auth, corr_id, entity, command).value();
  }
  Got call(const ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr) {
    const auto corr_id = CorrId::generate(random_);
    protocol::Batch batch;
    EXPECT_TRUE(batch.add(transmission(command, entity, key, corr_id)));
    EXPECT_TRUE(session_->send(batch.take()));
    return wait(corr_id);
  }
  Got wait(const CorrId& corr_id) {
    std::optional<Got> found;
    run_until([&] {
      for (auto got = inbox_.begin(); got != inbox_.end(); ++got) {
        if (got->corr_id != corr_id) continue;
        found = *got;
        inbox_.erase(got);
        return true;
      }
      return false;
    });
    return found ? *found : Got{};
  }
  Got event() { return wait(CorrId()); }
  bool wait_for_close() {
    run_until([] { return false; });
    return error_.has_value();
  }
  void send_raw(BytesView content) { EXPECT_TRUE(session_->send(content)); }
  crypto::AuthPrivateKey new_key(bool x25519 = false) {
    if (x25519) return crypto::generate_x25519(random_).private_key;
    return crypto::generate_ed25519(random_).private_key;
  }
  Random& random() { return random_; }
  transport::BlockSession& session() { return *session_; }
  void run_until(const std::function<bool()>& done) {
    auto timeout = loop_->after(std::chrono::seconds(20), [this] {
      error_ = Error{ErrorKind::timeout, "the test waited in vain", Advice::give_up};
      loop_->stop();
    });
    while (!error_ && !done()) loop_->run();
  }

 private:
  void received(BytesView content) {
    const auto transmissions = protocol::split_batch(content);
    ASSERT_TRUE(transmissions);
    for (const auto each : *transmissions) {
      auto octets = std::make_shared<Bytes>(to_bytes(each));
      auto message = decode_broker_transmission(params(), *octets);
      ASSERT_TRUE(message);
      inbox_.push_back({octets, message->corr_id, std::move(message->message)});
    }
    loop_->stop();
  }

  SystemRandom random_;
  std::unique_ptr<async::ThreadLoop> loop_;
  std::unique_ptr<transport::Connector> connector_;
  std::unique_ptr<transport::Connector::Attempt> attempt_;
  std::unique_ptr<transport::BlockSession> session_;
  std::deque<Got> inbox_;
  bool ready_ = false;
  std::optional<Error> error_;
};

struct SocketQueue {
  crypto::AuthPrivateKey key;
  Bytes recipient_id;
  Bytes sender_id;
  crypto::BoxKey box;
};

SocketQueue create_queue(SocketClient& client) {
  SocketQueue queue{client.new_key(), {}, {}, {}};
  const auto dh = crypto::generate_x25519(client.random());
  std::optional<command::New::Mode> mode;
  if (client.version() >= sender_key_version) mode = command::New::Messaging{};
  const auto got =
      client.call(command::New{crypto::public_key(queue.key), dh.public_key, {}, SubscriptionMode::subscribe, mode, {}},
                  {}, &queue.key);
  const auto* ids = std::get_if<broker::Ids>(&got.message);
  EXPECT_NE(ids, nullptr) << name_of(got.message);
  if (ids == nullptr) return queue;
  queue.recipient_id = to_bytes(ids->recipient_id.view());
  queue.sender_id = to_bytes(ids->sender_id.view());
  queue.box = crypto::box_key(ids->relay_dh_key, dh.private_key).value();
  return queue;
}

std::string text_of(const SocketQueue& queue, const SocketClient::Got& got) {
  const auto* message = std::get_if<broker::Msg>(&got.message);
  if (message == nullptr) return std::string(name_of(got.message));
  auto octets = to_bytes(message->encrypted_body.bytes);
  const auto opened = decrypt_queue_message(queue.box, message->id, octets);
  if (!opened) return opened.error().message;
  const auto* body = std::get_if<MessageBody>(&*opened);
  return body == nullptr ? "QUOTA" : std::string(as_text(body->body.bytes));
}

template <class M>
bool is(const SocketClient::Got& got) {
  return std::holds_alternative<M>(got.message);
}

class RelayOnSockets : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("smp_server_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  ServerSettings settings() {
    ServerSettings made;
    made.node.credentials = credentials_.clone();
    made.addresses = {{"127.0.0.1", 0}};
    made.threads = 2;
    made.store_log = folder_ / "smp-server-store.log";
    made.messages = folder_ / "smp-server-messages.log";
    return made;
  }
  void start() { start(settings()); }
  void start(ServerSettings with) {
    auto started = Server::start(std::move(with), logger_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
    ASSERT_THAT(server_->ports(), SizeIs(1));
  }
  void stop() {
    const auto stopped = server_->stop();
    ASSERT_TRUE(stopped) << stopped.error().message;
    server_.reset();
  }
  SocketClient client(std::uint16_t version = 18, std::vector<std::string> alpn = {"smp/1"}, bool proxy = false) {
    return SocketClient(server_->ports()[0], credentials_.identity, version, std::move(alpn), proxy);
  }

  std::filesystem::path folder_;
  SystemRandom random_;
  SystemClock clock_;
  NullLogger logger_;
  transport::ServerCredentials credentials_ =
      transport::make_credentials(transport::SignatureAlgorithm::ed25519, clock_.wall(), random_);
  std::unique_ptr<Server> server_;
};

class RelayVersions : public RelayOnSockets, public ::testing::WithParamInterface<std::uint16_t> {};
INSTANTIATE_TEST_SUITE_P(Smp, RelayVersions, ::testing::Values(6, 9, 11, 18, 20),
                         [](const auto& version) { return "Version" + std::to_string(version.param); });

TEST_P(RelayVersions, AliceAndBobTalk) {
  start();
  auto alice = client(GetParam());
  ASSERT_TRUE(alice.ready()) << alice.error()->message;
  EXPECT_EQ(alice.version(), SmpVersion(GetParam()));
  auto bob = client(GetParam());
  ASSERT_TRUE(bob.ready()) << bob.error()->message;
  const auto queue = create_queue(alice);
  const auto key = bob.new_key(GetParam() >= 7);
  const auto secured = alice.call(command::Key{crypto::public_key(key)}, queue.recipient_id, &queue.key);
  EXPECT_TRUE(is<broker::Ok>(secured)) << name_of(secured.message);
  for (int i = 0; i < 20; ++i) {
    const auto text = "message " + std::to_string(i) + std::string(15'000, '.');
    EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes(text))}, queue.sender_id, &key)));
    const auto message = alice.event();
    ASSERT_EQ(text_of(queue, message), text);
    const auto& id = std::get<broker::Msg>(message.message).id;
    EXPECT_TRUE(is<broker::Ok>(alice.call(command::Ack{id}, queue.recipient_id, &queue.key)));
  }
}

TEST_F(RelayOnSockets, AClientWithoutAlpnIsServedAsALegacyOne) {
  start();
  auto alice = client(18, {});
  ASSERT_TRUE(alice.ready()) << alice.error()->message;
  EXPECT_EQ(alice.version(), SmpVersion(6));
  EXPECT_TRUE(is<broker::Pong>(alice.call(command::Ping{})));
}

// So do the reference's clients at port 443.
TEST_F(RelayOnSockets, AClientWithTheNameOfTheWebIsServedAsANewOne) {
  start();
  auto alice = client(18, {"http/1.1"});
  ASSERT_TRUE(alice.ready()) << alice.error()->message;
  EXPECT_EQ(alice.version(), SmpVersion(18));
  EXPECT_TRUE(is<broker::Pong>(alice.call(command::Ping{})));
}

TEST_F(RelayOnSockets, AProxyForwardsTheMessageOfItsClient) {
  start();
  auto alice = client();
  const auto queue = create_queue(alice);
  auto proxy = client(20, {"smp/1"}, true);
  const auto& agreed = proxy.session().session();
  ASSERT_TRUE(agreed.secret && agreed.peer_key);
  EXPECT_EQ(proxy.session().max_content(), transport::max_plain_content) << "blocks of proxies are not encrypted again";

  const auto own = crypto::generate_x25519(random_);
  const auto key = crypto::box_key(*agreed.peer_key, own.private_key).value();
  const auto corr_id = CorrId::generate(random_);
  const SessionParams params{SmpVersion(18), agreed.session_id.view()};
  const auto send = encode_client_transmission(params, {}, corr_id, queue.sender_id,
                                               command::Send{{}, Content(as_bytes("from far away"))})
                        .value();
  const auto inner = seal_forwarded(key, crypto::cb_nonce(corr_id.view()), send).value();
  const auto forward_id = CorrId::generate(random_);
  const auto nonce = crypto::cb_nonce(forward_id.view());
  const auto outer = crypto::box_key(*agreed.secret);
  const auto rfwd = seal_rfwd(outer, nonce, {corr_id, params.version, own.public_key, Content(inner)});
  protocol::Batch batch;
  ASSERT_TRUE(batch.add(proxy.transmission(command::Rfwd{Content(rfwd)}, {}, nullptr, forward_id)));
  ASSERT_TRUE(proxy.session().send(batch.take()));

  const auto answer = proxy.wait(forward_id);
  ASSERT_TRUE(is<broker::Rres>(answer)) << name_of(answer.message);
  auto response = to_bytes(std::get<broker::Rres>(answer.message).encrypted.bytes);
  auto sealed = to_bytes(open_rres(outer, nonce, response).value().encrypted.bytes);
  const auto opened = open_forwarded(key, crypto::reversed(crypto::cb_nonce(corr_id.view())), sealed).value();
  EXPECT_TRUE(std::holds_alternative<broker::Ok>(decode_broker_transmission(params, opened).value().message));
  EXPECT_EQ(text_of(queue, alice.event()), "from far away");
}

TEST_F(RelayOnSockets, QueuesAndMessagesOutliveTheProcess) {
  start();
  SocketQueue queue;
  {
    auto alice = client();
    queue = create_queue(alice);
  }
  {
    auto bob = client();
    for (const auto* text : {"one", "two", "three"}) {
      EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes(text))}, queue.sender_id)));
    }
  }
  for (int restart = 0; restart < 2; ++restart) {
    stop();
    start();
    EXPECT_EQ(server_->report().queues, 1u);
    EXPECT_EQ(server_->report().messages, 3u);
  }
  auto alice = client();
  EXPECT_TRUE(is<broker::Sok>(alice.call(command::Sub{}, queue.recipient_id, &queue.key)));
  auto message = alice.event();
  for (const auto* text : {"one", "two", "three"}) {
    ASSERT_EQ(text_of(queue, message), text);
    message = alice.call(command::Ack{std::get<broker::Msg>(message.message).id}, queue.recipient_id, &queue.key);
  }
  EXPECT_TRUE(is<broker::Ok>(message));
  stop();
  EXPECT_THAT(as_text(*server_kit::read_file(folder_ / "smp-server-messages.log")), SizeIs(0));
}

TEST_F(RelayOnSockets, TheReferenceRelaysFilesAreServed) {
  const std::filesystem::path sample = SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/log";
  for (const auto* file : {"smp-server-store.log", "smp-server-messages.log"}) {
    std::filesystem::copy_file(sample / file, folder_ / file);
  }
  auto with = settings();
  with.node.engine.message_ttl = std::nullopt;
  const auto lines = [](const std::filesystem::path& file) { return to_bytes(*server_kit::read_file(file)); };
  const auto before = lines(folder_ / "smp-server-messages.log");
  start(std::move(with));
  EXPECT_EQ(server_->report().queues, 2u);
  EXPECT_EQ(server_->report().messages, 3u);
  EXPECT_EQ(server_->report().rejected_lines, 0u);
  auto bob = client();
  // The sender's key is not ours, but the queue answers as one that is there and secured.
  const auto log = read_store_log(sample / "smp-server-store.log");
  ASSERT_TRUE(log);
  const auto refused = bob.call(command::Send{{}, Content(as_bytes("x"))}, log->queues[0].sender_id.view());
  EXPECT_EQ(std::get<broker::Err>(refused.message).error, ErrorType(errors::Auth{}));
  stop();
  EXPECT_EQ(lines(folder_ / "smp-server-messages.log"), before) << "what was not delivered is saved as it was";
}

TEST_F(RelayOnSockets, AnotherSubscriberOnAnotherThreadEndsTheFirst) {
  start();
  auto alice = client();
  const auto queue = create_queue(alice);
  std::vector<std::unique_ptr<SocketClient>> phones;
  // The kernel spreads connections over the threads: some of these live on another one than alice.
  for (int i = 0; i < 8; ++i) {
    phones.push_back(std::make_unique<SocketClient>(server_->ports()[0], credentials_.identity, 18));
    EXPECT_TRUE(is<broker::Sok>(phones.back()->call(command::Sub{}, queue.recipient_id, &queue.key)));
    auto& previous = i == 0 ? alice : *phones[static_cast<std::size_t>(i) - 1];
    EXPECT_TRUE(is<broker::End>(previous.event()));
  }
  auto bob = client();
  EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes("last"))}, queue.sender_id)));
  EXPECT_EQ(text_of(queue, phones.back()->event()), "last");
}

TEST_F(RelayOnSockets, AFullDiskIsAnErrorForThePeerAndTheRelayGoesOn) {
  start();
  auto alice = client();
  const auto queue = create_queue(alice);
  // Files of this process can't grow any more, as if the disk were full in the middle of a line.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  auto full = unlimited;
  full.rlim_cur = std::filesystem::file_size(folder_ / "smp-server-store.log") + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto key = alice.new_key();
  const auto dh = crypto::generate_x25519(random_);
  const command::New create{
      crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}};
  const auto refused = alice.call(create, {}, &key);
  const auto suspended = alice.call(command::Off{}, queue.recipient_id, &queue.key);
  const auto pong = alice.call(command::Ping{});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  std::signal(SIGXFSZ, old_handler);
  for (const auto& answer : {refused, suspended}) {
    ASSERT_TRUE(is<broker::Err>(answer)) << name_of(answer.message);
    EXPECT_TRUE(std::get<broker::Err>(answer.message).error.is<errors::Store>());
  }
  EXPECT_TRUE(is<broker::Pong>(pong));
  EXPECT_TRUE(is<broker::Ids>(alice.call(create, {}, &key)));
  stop();
  start();
  EXPECT_EQ(server_->report().queues, 2u);
  EXPECT_EQ(server_->report().rejected_lines, 0u) << "half a line was cut off again";
  auto bob = client();
  EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes("x"))}, queue.sender_id)));
}

TEST_F(RelayOnSockets, StrangersDoNotDisturb) {
  start();
  auto alice = client();
  const auto queue = create_queue(alice);
  std::vector<int> sockets;
  for (const std::string_view greeting : {"GET / HTTP/1.1\r\n\r\n", "", "\x16\x03\x01\x02\x00garbage", "EHLO x\r\n"}) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->ports()[0]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(socket, greeting.data(), greeting.size(), MSG_NOSIGNAL), static_cast<ssize_t>(greeting.size()));
    sockets.push_back(socket);
  }
  auto mallory = client();
  testing::SeededRandom random(5);
  for (int i = 0; i < 20; ++i) {
    mallory.send_raw(random.bytes(random.below(16'000)));
    EXPECT_TRUE(is<broker::Err>(mallory.event()));
  }
  auto bob = client();
  EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes("calm"))}, queue.sender_id)));
  EXPECT_EQ(text_of(queue, alice.event()), "calm");
  for (const int socket : sockets) ::close(socket);
}

TEST_F(RelayOnSockets, AWrongFingerprintFailsTheClientOnly) {
  start();
  const auto other = transport::make_credentials(transport::SignatureAlgorithm::ed25519, clock_.wall(), random_);
  SocketClient wrong(server_->ports()[0], other.identity, 18);
  EXPECT_FALSE(wrong.ready());
  auto alice = client();
  EXPECT_TRUE(is<broker::Pong>(alice.call(command::Ping{})));
}

TEST_F(RelayOnSockets, APortInUseIsAClearErrorAndLeavesTheMessages) {
  start();
  const auto other = folder_ / "other";
  std::filesystem::create_directories(other);
  std::ofstream(other / "smp-server-messages.log") << "v3 kept kept 1 quota\n";
  auto with = settings();
  with.addresses[0].port = server_->ports()[0];
  with.store_log = other / "smp-server-store.log";
  with.messages = other / "smp-server-messages.log";
  const auto second = Server::start(std::move(with), logger_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server_->ports()[0])));
  EXPECT_TRUE(std::filesystem::exists(other / "smp-server-messages.log"));
}

TEST_F(RelayOnSockets, ASecondRelayOnTheSameFilesChangesNothing) {
  start();
  auto alice = client();
  create_queue(alice);
  for (const bool maintenance : {false, true}) {
    auto with = settings();
    if (maintenance) with.addresses.clear();
    const auto second = Server::start(std::move(with), logger_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_THAT(second.error().message, HasSubstr(folder_.string() + " is in use"));
  }
  // The first goes on writing to the file that the next start reads.
  create_queue(alice);
  stop();
  start();
  EXPECT_EQ(server_->report().queues, 2u);
}

TEST_F(RelayOnSockets, TooManyConnectionsAreTurnedAway) {
  auto with = settings();
  with.node.limits.connections = 2;
  start(std::move(with));
  auto one = client();
  ASSERT_TRUE(one.ready());
  {
    auto two = client();
    ASSERT_TRUE(two.ready());
    auto three = client();
    EXPECT_FALSE(three.ready());
  }
  // There is room again once the relay has seen the end of the second.
  bool room = false;
  for (int i = 0; i < 50 && !room; ++i) {
    room = client().ready();
  }
  EXPECT_TRUE(room);
  EXPECT_TRUE(is<broker::Pong>(one.call(command::Ping{})));
}

TEST_F(RelayOnSockets, InactiveConnectionsAreClosedButNotSubscribers) {
  auto with = settings();
  with.node.limits.inactive_ttl = std::chrono::seconds(1);  // time enough to subscribe
  with.node.limits.inactive_check_interval = std::chrono::seconds(1);
  start(std::move(with));
  auto alice = client();
  const auto queue = create_queue(alice);
  auto idle = client();
  ASSERT_TRUE(idle.ready());
  EXPECT_TRUE(idle.wait_for_close());
  EXPECT_EQ(idle.error()->kind, ErrorKind::network);
  EXPECT_TRUE(is<broker::Pong>(alice.call(command::Ping{})));
}

TEST_F(RelayOnSockets, AReaderThatIsSlowGetsAllInTheEnd) {
  auto with = settings();
  with.node.limits.pending = 64 * 1'024;
  start(std::move(with));
  auto alice = client();
  std::vector<SocketQueue> queues;
  for (int i = 0; i < 200; ++i) queues.push_back(create_queue(alice));
  auto bob = client();
  const std::string text(16'000, 'x');
  alice.session().pause_reading();
  for (const auto& queue : queues) {
    EXPECT_TRUE(is<broker::Ok>(bob.call(command::Send{{}, Content(as_bytes(text))}, queue.sender_id)));
  }
  alice.session().resume_reading();
  for (std::size_t i = 0; i < queues.size(); ++i) {
    const auto message = alice.event();
    ASSERT_TRUE(is<broker::Msg>(message)) << i << ": " << name_of(message.message);
  }
}

}  // namespace
}  // namespace simplex::smp::server

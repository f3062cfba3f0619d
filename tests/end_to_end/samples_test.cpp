// The reference's relay is stopped, and ours is started on its files: alice, who was away, gets her three messages.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/client/received_message.hpp"
#include "simplex/store/database.hpp"
#include "stage.hpp"
#include "wire.hpp"

namespace simplex::end_to_end {
namespace {

namespace fs = std::filesystem;
using smp::client::Client;
using smp::client::Outcome;

const fs::path samples = SIMPLEX_SOURCE_DIR "/tests/samples";

// A queue in alice's database, as the reference's client wrote it.
struct AlicesQueue {
  std::string text;  // of the recipient id, as it stands in the relay's files
  smp::RecipientId id;
  crypto::AuthPrivateKey key;
  crypto::X25519Secret secret;
};

std::vector<AlicesQueue> alices_queues(const fs::path& folder) {
  const auto copy = folder / "alice_agent.db";
  fs::copy_file(samples / "chat/alice_agent.db", copy, fs::copy_options::overwrite_existing);
  store::OpenOptions options;
  options.path = copy;
  options.passphrase = SecretBytes(as_bytes("sample-key"));
  auto database = store::Database::open(std::move(options));
  EXPECT_TRUE(database) << database.error().message;
  std::vector<AlicesQueue> made;
  if (!database) return made;
  auto rows = database->prepare("SELECT rcv_id, rcv_private_key, rcv_dh_secret FROM rcv_queues");
  EXPECT_TRUE(rows);
  while (rows && rows->step().value_or(false)) {
    const auto id = rows->octets(0);
    auto key = crypto::from_pkcs8<crypto::Ed25519PrivateKey>(rows->octets(1));
    auto secret = crypto::X25519Secret::from(rows->octets(2));
    EXPECT_TRUE(key && secret);
    if (key && secret) {
      made.push_back({base64url(id), smp::RecipientId(id), std::move(*key), std::move(*secret)});
    }
  }
  return made;
}

std::string read(const fs::path& file) {
  std::ifstream input(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), {}};
}

class SamplesTest : public ::testing::Test {
 protected:
  void prepare(const std::string& sample) {
    port_ = free_port();
    Process init(program("smp-server"), {"init", "-n", "127.0.0.1", "--no-password", "-y"}, variables());
    ASSERT_EQ(init.wait(), 0) << init.transcript();
    std::getline(std::ifstream(folder_ / "etc/fingerprint"), fingerprint_);
    fs::copy_file(samples / sample / "etc/smp-server.ini", folder_ / "etc/smp-server.ini",
                  fs::copy_options::overwrite_existing);
    fs::remove_all(folder_ / "log");
    fs::copy(samples / sample / "log", folder_ / "log", fs::copy_options::recursive);
    const auto log = read(folder_ / "log/smp-server-store.log");
    for (auto& queue : alices_queues(stage_.folder())) {
      if (log.find("rid=" + queue.text) != std::string::npos) queues_.push_back(std::move(queue));
    }
  }
  std::map<std::string, std::string> variables() const {
    return {{"SMP_SERVER_CFG_PATH", (folder_ / "etc").string()}, {"SMP_SERVER_LOG_PATH", (folder_ / "log").string()}};
  }
  void start(std::vector<std::string> settings) {
    // The messages of the samples are as old as the samples are.
    for (const auto* each : {"STORE_LOG.expire_messages_days=36500", "TRANSPORT.bind=127.0.0.1", "WEB.static_path="}) {
      settings.emplace_back(each);
    }
    settings.push_back("TRANSPORT.port=" + std::to_string(port_));
    std::vector<std::string> arguments{"start"};
    for (const auto& each : settings) {
      arguments.emplace_back("--set");
      arguments.push_back(each);
    }
    process_ = std::make_unique<Process>(program("smp-server"), arguments, variables());
    awaited_start();
  }
  void awaited_start() {
    counts_ = process_->await("^Queues: ");
    process_->await("[Ll]istening.*" + std::to_string(port_));
  }
  void stop() {
    EXPECT_EQ(process_->stop(SIGTERM), 0) << process_->transcript();
    process_.reset();
  }

  // Subscribes to the queue and takes all messages out of it. Their ids, as the relay's files have them.
  std::vector<std::string> take_messages(const AlicesQueue& queue) {
    std::vector<std::string> ids;
    const auto box = crypto::box_key(queue.secret);
    const auto address =
        *protocol::parse_server_address("smp://" + fingerprint_ + "@127.0.0.1:" + std::to_string(port_));
    Wire wire;
    std::unique_ptr<Client> client;
    smp::client::Handlers handlers;
    handlers.pushed = [&](const smp::EntityId&, const smp::BrokerMessage& pushed) {
      const auto* message = std::get_if<smp::broker::Msg>(&pushed);
      ASSERT_NE(message, nullptr);
      const auto opened = smp::client::open_message(box, *message);
      ASSERT_TRUE(opened) << opened.error().message;
      ASSERT_TRUE(std::holds_alternative<smp::client::QueueMessageReceived>(*opened));
      EXPECT_GT(std::get<smp::client::QueueMessageReceived>(*opened).body.size(), 15'000u);
      ids.push_back(base64url(message->id.view()));
      client->acknowledge(queue.id, queue.key, message->id, [&](Outcome<> acknowledged) {
        EXPECT_TRUE(acknowledged);
        if (ids.size() == 3) wire.finish();
      });
    };
    std::unique_ptr<Client::Attempt> attempt;
    wire.run([&] {
      attempt = Client::connect(wire.dependencies(), address, {}, std::move(handlers),
                                [&](Outcome<std::unique_ptr<Client>> made) {
                                  ASSERT_TRUE(made);
                                  client = std::move(*made);
                                  client->subscribe(queue.id, queue.key, [](Outcome<> done) { EXPECT_TRUE(done); });
                                });
    });
    return ids;
  }
  std::uint64_t messages_in(const AlicesQueue& queue) {
    const auto address =
        *protocol::parse_server_address("smp://" + fingerprint_ + "@127.0.0.1:" + std::to_string(port_));
    Wire wire;
    std::unique_ptr<Client> client;
    std::unique_ptr<Client::Attempt> attempt;
    std::uint64_t size = 99;
    wire.run([&] {
      attempt = Client::connect(wire.dependencies(), address, {}, {}, [&](Outcome<std::unique_ptr<Client>> made) {
        ASSERT_TRUE(made);
        client = std::move(*made);
        client->queue_state(queue.id, queue.key, [&](Outcome<smp::QueueState> state) {
          EXPECT_TRUE(state);
          if (state) size = static_cast<std::uint64_t>(state->size);
          wire.finish();
        });
      });
    });
    return size;
  }

  // The story of each store.
  void alice_comes_back(const std::string& sample, const std::vector<std::string>& settings) {
    prepare(sample);
    ASSERT_FALSE(queues_.empty()) << "none of alice's queues is at this relay";
    const auto log = read(folder_ / "log/smp-server-messages.log");
    start(settings);
    // Once more, so that what was saved or imported is read again.
    stop();
    start(settings);
    const auto ids = take_messages(queues_.front());
    ASSERT_EQ(ids.size(), 3u);
    for (const auto& id : ids) {
      if (!log.empty()) EXPECT_NE(log.find(id), std::string::npos) << "a message of another relay";
    }
    stop();
    start(settings);
    EXPECT_EQ(messages_in(queues_.front()), 0u) << "what was acknowledged does not come again";
    stop();
  }

  Stage stage_;
  fs::path folder_ = stage_.folder() / "relay";
  std::uint16_t port_ = 0;
  std::string fingerprint_;
  std::string counts_;  // what the relay said of its queues
  std::vector<AlicesQueue> queues_;
  std::unique_ptr<Process> process_;
};

TEST_F(SamplesTest, TheMemoryRelayGoesOn) { alice_comes_back("smp-memory", {}); }

// The keys of its queues are in no sample: what waits in them is shown by exporting it again.
TEST_F(SamplesTest, TheJournalIsImported) {
  prepare("smp-journal");
  for (int begin = 0; begin < 2; ++begin) {
    start({});
    EXPECT_NE(counts_.find("Queues: 2, undelivered messages: 3"), std::string::npos) << counts_;
    stop();
  }
  Process copy(program("smp-server"), {"store", "copy", "--from", "embedded", "--to", "files", "-y"}, variables());
  ASSERT_EQ(copy.wait(), 0) << copy.transcript();
  std::ifstream journal(samples / "smp-journal/log/messages/__/-0/vx/NQ/rrGDz72oQX76JgaEz_kkzIZA" /
                        "messages.SdHipr8puP0QSXb4.log");
  std::string expected;
  std::string line;
  for (int number = 1; std::getline(journal, line); ++number) {
    if (number > 5) expected += "v3 __-0vxNQrrGDz72oQX76JgaEz_kkzIZA " + line + "\n";
  }
  EXPECT_TRUE(read(folder_ / "log/smp-server-messages.log") == expected);
}

TEST_F(SamplesTest, TheMemoryRelaysFilesAreImportedIntoTheEmbeddedStore) {
  alice_comes_back("smp-memory", {"STORE_LOG.store_queues=embedded", "STORE_LOG.store_messages=embedded"});
}

}  // namespace
}  // namespace simplex::end_to_end

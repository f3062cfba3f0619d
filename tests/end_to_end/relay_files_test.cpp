// What the relay writes: its files after a stop, its statistics over restarts, its metrics.
#include "relay_program.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

namespace simplex::end_to_end {
namespace {

namespace fs = std::filesystem;
using namespace smp;
using caller::Caller;
using caller::Queue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream input(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(input, line);) lines.push_back(line);
  return lines;
}

std::string metrics_at(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string text;
  constexpr std::string_view request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    std::array<char, 4'096> some{};
    for (ssize_t got = 0; (got = ::recv(socket, some.data(), some.size(), 0)) > 0;) {
      text.append(some.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  return text;
}

class RelayFiles : public ::testing::Test {
 protected:
  // With the memory store and its files, in the folder "log".
  void use(std::vector<std::string> more) {
    for (const auto* each : {"STORE_LOG.store_queues=memory", "STORE_LOG.store_messages=memory",
                             "STORE_LOG.log_stats=on", "LIMITS.queue_quota=4"}) {
      more.emplace_back(each);
    }
    place_.program().set(std::move(more));
  }
  void start(std::vector<std::string> more = {"STORE_LOG.enable=on"}) {
    use(std::move(more));
    place_.start();
  }
  [[nodiscard]] std::unique_ptr<Caller> caller(std::optional<caller::Service> service = std::nullopt) {
    caller::Options options;
    options.service = std::move(service);
    auto shown = options.service ? options.service->credentials : nullptr;
    auto made = std::make_unique<Caller>(place_.line("", shown), place_.address(), std::move(options));
    EXPECT_TRUE(made->connected()) << made->error();
    return made;
  }
  [[nodiscard]] fs::path file(const std::string& name) const { return place_.folder() / "log" / name; }
  // "name=value" in the statistics file.
  [[nodiscard]] std::string counted(const std::string& name) const {
    for (const auto& line : lines_of(file("smp-server-stats.log"))) {
      if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    return "nothing";
  }

  RelayProgramPlace place_{{}, false};
};

TEST_F(RelayFiles, QueuesAreInTheLogWhichIsShortAfterAStart) {
  start();
  auto alice = caller();
  auto push = caller();
  const auto key = alice->new_key();
  const auto kept = alice->create();
  EXPECT_EQ(alice->secure(kept, key), "OK");
  const auto notifier = alice->add_notifier(kept);
  ASSERT_TRUE(notifier);
  const auto gone = alice->create();
  EXPECT_EQ(alice->secure(gone, key), "OK");
  EXPECT_EQ(alice->remove(gone), "OK");
  place_.stop();
  const auto log = lines_of(file("smp-server-store.log"));
  EXPECT_THAT(log, SizeIs(6)) << "create, secure, notifier, create, secure, delete";

  // Without it there is nothing, and it is left alone.
  start({"STORE_LOG.enable=off"});
  alice = caller();
  EXPECT_EQ(alice->send(kept.sender, "hello", &key), "ERR AUTH");
  place_.stop();
  EXPECT_EQ(lines_of(file("smp-server-store.log")), log);

  start();
  alice = caller();
  push = caller();
  EXPECT_EQ(push->subscribe(*notifier), "SOK");
  EXPECT_EQ(alice->send(kept.sender, "hello", &key), "OK");
  EXPECT_EQ(alice->subscribe(kept), "SOK");
  EXPECT_EQ(alice->receive(kept), "hello");
  EXPECT_EQ(push->event().text(), "NMSG");
  EXPECT_EQ(alice->send(gone.sender, "hello", &key), "ERR AUTH");
  place_.stop();
  EXPECT_THAT(lines_of(file("smp-server-store.log")), SizeIs(1));
}

TEST_F(RelayFiles, MessagesAndStatisticsGoOnAfterRestarts) {
  start();
  auto alice = caller();
  auto bob = caller();
  const auto key = bob->new_key();
  const auto queue = alice->create();
  EXPECT_EQ(alice->secure(queue, key), "OK");
  EXPECT_EQ(bob->send(queue.sender, "1", &key, false), "OK");
  EXPECT_EQ(alice->receive(queue), "1");
  alice->disconnect();
  for (const auto* text : {"2", "3", "4", "5"}) EXPECT_EQ(bob->send(queue.sender, text, &key, false), "OK");
  EXPECT_EQ(bob->send(queue.sender, "6", &key, false), "ERR QUOTA");
  const auto expect_counts = [&](const std::string& received) {
    place_.stop();
    const std::vector<std::pair<std::string, std::string>> expected{
        {"qCreated", "1"},        {"qSecured", "1"},   {"qDeletedAll", "0"}, {"qDeletedNew", "0"},
        {"qDeletedSecured", "0"}, {"qCount", "1"},     {"msgSent", "5"},     {"msgRecv", received},
        {"msgSentNtf", "0"},      {"msgRecvNtf", "0"}, {"msgSentQuota", "1"}};
    for (const auto& [name, count] : expected) EXPECT_EQ(counted(name), count) << name;
    for (const auto* period : {"dayHashes", "weekHashes", "monthHashes"}) {
      EXPECT_NE(counted(period), "") << period;
      EXPECT_EQ(counted(period).find(','), std::string::npos) << "one queue was used";
    }
  };
  expect_counts("1");
  EXPECT_THAT(lines_of(file("smp-server-messages.log")), SizeIs(5)) << "four and the marker of the full queue";
  const auto again = [&] {
    start();
    alice = caller();
    EXPECT_EQ(alice->subscribe(queue), "SOK");
  };
  again();
  EXPECT_EQ(alice->receive(queue), "2");
  EXPECT_EQ(alice->receive(queue), "3");
  EXPECT_EQ(alice->event_of(queue), "4");
  expect_counts("3");
  again();
  EXPECT_EQ(alice->receive(queue), "4");
  EXPECT_EQ(alice->receive(queue), "5");
  EXPECT_EQ(alice->receive(queue), "(quota)");
  expect_counts("5");
  EXPECT_THAT(lines_of(file("smp-server-messages.log")), SizeIs(0));
}

TEST_F(RelayFiles, OldMessagesAreDroppedAtTheStart) {
  start();
  auto alice = caller();
  const auto queue = alice->create();
  alice->disconnect();
  const auto bob = caller();
  for (const auto* text : {"1", "2", "3", "4"}) EXPECT_EQ(bob->send(queue.sender, text), "OK");
  place_.stop();
  // The first two are made older: "v3 RECIPIENT MESSAGE SECONDS ...".
  auto lines = lines_of(file("smp-server-messages.log"));
  ASSERT_THAT(lines, SizeIs(4));
  for (std::size_t i = 0; i < 2; ++i) {
    std::istringstream words(lines[i]);
    std::string version;
    std::string recipient;
    std::string message;
    std::int64_t seconds = 0;
    words >> version >> recipient >> message >> seconds;
    std::string rest;
    std::getline(words, rest);
    lines[i] = version + " " + recipient + " " + message + " " + std::to_string(seconds - 100'000) + rest;
  }
  std::ofstream output(file("smp-server-messages.log"));
  for (const auto& line : lines) output << line << "\n";
  output.close();

  start({"STORE_LOG.enable=on", "STORE_LOG.expire_messages_seconds=200000"});
  place_.stop();
  EXPECT_EQ(lines_of(file("smp-server-messages.log")), lines) << "none is old enough";
  start({"STORE_LOG.enable=on", "STORE_LOG.expire_messages_seconds=86400"});
  place_.stop();
  EXPECT_THAT(lines_of(file("smp-server-messages.log")), ElementsAre(lines[2], lines[3]));
  EXPECT_EQ(counted("msgExpired"), "2");
  start();
  alice = caller();
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  EXPECT_EQ(alice->receive(queue), "3");
  EXPECT_EQ(alice->receive(queue), "4");
  place_.stop();
}

// A durable store is swept at the start, too. Its messages are those of a sample, of long ago.
TEST_F(RelayFiles, OldMessagesOfADurableStoreAreDroppedAfterTheStart) {
  const fs::path sample = SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/log";
  for (const auto* name : {"smp-server-store.log", "smp-server-messages.log"}) fs::copy_file(sample / name, file(name));
  const auto port = free_port();
  const auto begin = [&](const std::string& ttl, const std::string& on_start) {
    place_.program().set({"STORE_LOG.expire_messages_seconds=" + ttl, "STORE_LOG.expire_messages_on_start=" + on_start,
                          "LIMITS.prometheus_port=" + std::to_string(port)});
    place_.start();
  };
  const auto there_are = [&](int messages) {
    return metrics_at(port).find("\nsimplex_smp_messages_total " + std::to_string(messages) + "\n") !=
           std::string::npos;
  };
  begin("3000000000", "on");
  EXPECT_TRUE(there_are(3));
  place_.stop();
  begin("60", "off");
  EXPECT_TRUE(there_are(3)) << "the next sweep is in two hours";
  place_.stop();
  begin("60", "on");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!there_are(0) && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(there_are(0));
  EXPECT_THAT(metrics_at(port), HasSubstr("\nsimplex_smp_messages_expired 3\n"));
  place_.stop();
}

TEST_F(RelayFiles, QueuesOfAServiceAreCountedOnce) {
  const auto port = free_port();
  start({"STORE_LOG.enable=on", "LIMITS.prometheus_port=" + std::to_string(port)});
  SystemRandom random;
  const auto identity = caller::make_service(transport::SmpServiceRole::messaging, place_.now(), random);
  const auto chat = caller(identity);
  const auto alice = caller();
  const auto one = chat->create();
  const auto two = chat->create();
  // The name is the reference's, with its mistake.
  const auto expect_count = [&](int count) {
    EXPECT_THAT(metrics_at(port),
                HasSubstr("\nsimplex_smp_subscribtion_service_subs_total " + std::to_string(count) + "\n"));
  };
  expect_count(2);
  ASSERT_EQ(chat->connect(), "");
  EXPECT_EQ(chat->subscribe_all(caller::queues_of(one.recipient, two.recipient)).text(), "SOKS 2");
  EXPECT_EQ(chat->event().text(), "ALLS");
  expect_count(2);
  const auto three = alice->create();
  EXPECT_EQ(chat->subscribe(three), "SOK");
  expect_count(3);
  ASSERT_EQ(chat->connect(), "");
  EXPECT_EQ(chat->subscribe_all(caller::queues_of(one.recipient, two.recipient, three.recipient)).text(), "SOKS 3");
  expect_count(3);
  place_.stop();
}

}  // namespace
}  // namespace simplex::end_to_end

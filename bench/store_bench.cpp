// rooms: smp_stores smp_server async
// The embedded store, from the shard's call to its `done`: in each turn a group of messages of 16 KB is added, and as many that
// came a while ago are removed; one queue is found by its sender id. The floor appends the octets of the bodies to a file and
// makes them last with one fdatasync. The folder is made where TMPDIR says, which should be a disk.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <deque>
#include <future>
#include <stdexcept>
#include <thread>

#include "simplex/smp/stores/embedded.hpp"

namespace simplex::smp::stores {
namespace {

using namespace server;

constexpr std::size_t body_octets = 16'064;
constexpr std::size_t queue_count = 10'000;
constexpr std::size_t kept_messages = 500;

class Folder {
 public:
  Folder() {
    auto name = (std::filesystem::temp_directory_path() / "simplex-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

class Relay {
 public:
  Relay() {
    EmbeddedSettings settings;
    settings.folder = folder_.path / "store";
    auto opened = open_embedded(settings, logger_);
    if (!opened) throw std::runtime_error(opened.error().message);
    backend_ = std::move(*opened);
    store_ = backend_->shard(0, 1, *loop_);
    thread_ = std::thread([this] { loop_->run(); });
    for (std::size_t made = 0; made < queue_count;) {
      turn([&](Store& store) {
        for (int i = 0; i < 500; ++i, ++made) {
          QueueRecord queue;
          queue.recipient_id = *RecipientId::from(random_.bytes(24));
          queue.recipient_keys.emplace_back(crypto::generate_ed25519(random_).public_key);
          queue.dh_secret = *crypto::X25519Secret::from(random_.bytes(32));
          queue.sender_id = *SenderId::from(random_.bytes(24));
          queues_.emplace_back(queue.recipient_id, *DirectoryId::from(queue.sender_id.view()));
          store.write(CreateQueue{std::move(queue)}, waiter());
        }
      });
    }
  }
  ~Relay() {
    loop_->stop();
    thread_.join();
    (void)backend_->close();
    store_.reset();
    backend_.reset();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void group(std::size_t messages) {
    turn([&](Store& store) {
      for (std::size_t i = 0; i < messages; ++i) {
        const auto& [queue, sender] = queues_[random_.below(queues_.size())];
        ++waiting_;
        store.find(IdKind::sender, sender,
                   [this](const Result<std::optional<RecipientId>>& found) { settle(found && found->has_value()); });
        StoredMessage message;
        message.id = *MessageId::from(random_.bytes(24));
        message.sent_at = 1'795'392'000;
        message.body = body_;
        message.position = ++position_;
        auto kept = std::make_shared<const StoredMessage>(std::move(message));
        store.add_message(queue, kept, waiter());
        kept_.emplace_back(queue, std::move(kept));
        if (kept_.size() <= kept_messages) continue;
        store.remove_message(kept_.front().first, *kept_.front().second, waiter());
        kept_.pop_front();
      }
    });
  }

 private:
  void turn(const std::function<void(Store&)>& calls) {
    std::promise<void> done;
    auto future = done.get_future();
    loop_->post([&] {
      done_ = &done;
      ++waiting_;
      calls(*store_);
      store_->flush();
      settle(true);
    });
    future.get();
    if (failed_) throw std::runtime_error("the store failed");
  }
  Store::Done<> waiter() {
    ++waiting_;
    return [this](const Result<>& result) { settle(result.has_value()); };
  }
  void settle(bool good) {
    failed_ = failed_ || !good;
    if (--waiting_ == 0) done_->set_value();
  }

  Folder folder_;
  NullLogger logger_;
  SystemRandom random_;
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<StoreBackend> backend_;
  std::unique_ptr<Store> store_;
  std::thread thread_;
  std::vector<std::pair<RecipientId, DirectoryId>> queues_;
  std::deque<std::pair<RecipientId, MessagePtr>> kept_;
  Bytes body_ = random_.bytes(body_octets);
  std::uint64_t position_ = 0;
  std::size_t waiting_ = 0;
  bool failed_ = false;
  std::promise<void>* done_ = nullptr;
};

void count(benchmark::State& state, std::size_t group) {
  const auto messages = state.iterations() * static_cast<std::int64_t>(group);
  state.SetItemsProcessed(messages);
  state.SetBytesProcessed(messages * static_cast<std::int64_t>(body_octets));
}

template <std::size_t Group>
void store(benchmark::State& state) {
  Relay relay;
  for (auto _ : state) relay.group(Group);
  count(state, Group);
}

template <std::size_t Group>
void append_and_flush(benchmark::State& state) {
  const Folder folder;
  const int file = ::open((folder.path / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  SystemRandom random;
  const Bytes bodies = random.bytes(body_octets * Group);
  for (auto _ : state) {
    if (::write(file, bodies.data(), bodies.size()) != static_cast<ssize_t>(bodies.size()) || ::fdatasync(file) != 0) {
      state.SkipWithError("the disk failed");
      break;
    }
  }
  ::close(file);
  count(state, Group);
}

// The processor's time of all threads; items per second are those of the clock on the wall.
BENCHMARK(store<1>)->Name("embedded store: 1 message a commit")->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(append_and_flush<1>)
    ->Name("embedded store: 1 message a commit/floor")
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(store<64>)->Name("embedded store: 64 messages a commit")->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(append_and_flush<64>)
    ->Name("embedded store: 64 messages a commit/floor")
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace simplex::smp::stores

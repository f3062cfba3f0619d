// The program that the crash test kills: two shards of a relay over the embedded store, and one client, which is on the
// other end of standard input and output. A frame is a length of four octets and so many octets: first the id of the
// session, then blocks of commands come and transmissions go.
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "simplex/smp/server/shard.hpp"
#include "simplex/smp/stores/embedded.hpp"

namespace simplex::smp {
namespace {

using namespace server;

class StandardErrorLog final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= LogLevel::error; }
  void write(LogLevel, std::string_view text) override {
    std::fprintf(stderr, "crash_relay: %.*s\n", static_cast<int>(text.size()), text.data());
  }
};

bool read_all(MutableBytes to) {
  for (std::size_t have = 0; have < to.size();) {
    const auto count = ::read(STDIN_FILENO, to.data() + have, to.size() - have);
    if (count <= 0) return false;
    have += static_cast<std::size_t>(count);
  }
  return true;
}

void write_frame(BytesView content) {
  Writer writer(4 + content.size());
  writer.u32(static_cast<std::uint32_t>(content.size())).raw(content);
  const auto frame = writer.view();
  for (std::size_t done = 0; done < frame.size();) {
    const auto count = ::write(STDOUT_FILENO, frame.data() + done, frame.size() - done);
    if (count <= 0) std::exit(3);
    done += static_cast<std::size_t>(count);
  }
}

class Relay {
 public:
  static constexpr std::size_t shard_count = 2;

  explicit Relay(StoreBackend& backend) {
    for (std::size_t i = 0; i < shard_count; ++i) {
      stores_.push_back(backend.shard(i, shard_count, *loop_));
      shards_.push_back(std::make_unique<Shard>(i, shard_count, settings_, *loop_, random_, *stores_.back()));
      shards_.back()->on_work([this] {
        if (!std::exchange(posted_, true)) loop_->post([this] { carry_out(); });
      });
    }
    auto session = std::make_shared<ClientSession>();
    session->version = SmpVersion(18);
    session->session_id = random_.bytes(32);
    session_ = session;
    client_ = shards_[0]->connect(session_);
  }

  int run() {
    write_frame(session_->session_id);
    std::thread reader([this] {
      std::array<std::uint8_t, 4> length{};
      while (read_all(length)) {
        Reader decoder(length);
        Bytes block(decoder.u32().value());
        if (!read_all(block)) break;
        loop_->post([this, block = std::move(block)] {
          shards_[0]->receive(client_, block);
          carry_out();
        });
      }
      loop_->stop();
    });
    loop_->run();
    reader.join();
    return 0;
  }

 private:
  void carry_out() {
    posted_ = false;
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& shard : shards_) {
        shard->flush();
        if (!shard->has_work()) continue;
        moved = true;
        auto output = shard->take_output();
        for (const auto& what : output.to_clients) send(what);
        for (std::size_t to = 0; to < shard_count; ++to) {
          if (!output.to_shards[to].empty()) shards_[to]->receive(std::move(output.to_shards[to]));
        }
      }
    }
  }
  void send(const ToClient& what) {
    const auto* answer = std::get_if<Answer>(&what.what);
    write_frame(answer != nullptr ? encode_answer(session_->params(), *answer)
                                  : encode_delivery(session_->params(), std::get<Delivery>(what.what)).value());
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  SystemRandom random_;
  EngineSettings settings_;
  std::vector<std::unique_ptr<Store>> stores_;
  std::vector<std::unique_ptr<Shard>> shards_;
  SessionPtr session_;
  ClientId client_;
  bool posted_ = false;
};

int run(const char* folder) {
  StandardErrorLog logger;
  stores::EmbeddedSettings settings;
  settings.folder = folder;
  // Small, so that there is always something being merged when the process is killed.
  settings.unwritten_octets = 512 * 1'024;
  auto backend = stores::open_embedded(settings, logger);
  if (!backend) {
    logger.error(backend.error().message);
    return 2;
  }
  return Relay(**backend).run();
}

}  // namespace
}  // namespace simplex::smp

int main(int count, char** arguments) { return count == 2 ? simplex::smp::run(arguments[1]) : 1; }

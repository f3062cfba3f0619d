// Messages for queues that a store has already, added the way that the engine adds them.
#include <unordered_set>

#include "simplex/smp/stores/relay_store.hpp"

namespace simplex::smp::stores {
namespace {

using server::RecipientId;

// One shard of the store, used from outside of its loop: every call runs the loop until it is done.
class MessageImport {
 public:
  explicit MessageImport(server::StoreBackend& backend) : store_(backend.shard(0, 1, *loop_)) {}

  [[nodiscard]] bool exists(const RecipientId& queue) {
    known_.clear();
    std::optional<server::LoadedQueue> found;
    run([&](auto finished) {
      store_->load(queue, [&, finished](Result<std::optional<server::LoadedQueue>> loaded) {
        if (loaded) found = std::move(*loaded);
        if (!loaded && result_) result_ = std::unexpected(loaded.error());
        finished();
      });
    });
    if (!found) return false;
    next_position_ = found->next_position;
    // So that an import that was interrupted can be done again.
    if (found->message_count > 0) {
      run([&](auto finished) {
        store_->load_messages(queue, std::numeric_limits<std::size_t>::max(),
                              [&, finished](Result<std::vector<server::MessagePtr>> loaded) {
                                if (!loaded && result_) result_ = std::unexpected(loaded.error());
                                if (loaded) {
                                  for (const auto& message : *loaded) known_.insert(message->id);
                                }
                                finished();
                              });
      });
    }
    return true;
  }

  Result<> add(const RecipientId& queue, const server::StoredMessage& message) {
    if (known_.contains(message.id)) return result_;
    auto copy = std::make_shared<server::StoredMessage>(message);
    copy->position = next_position_++;
    loop_->post([this, queue, copy] {
      ++waiting_;
      store_->add_message(queue, copy, [this](Result<> added) {
        if (!added && result_) result_ = added;
        --waiting_;
        if (waiting_ == 0 && draining_) loop_->stop();
      });
    });
    return ++added_ % 1'000 == 0 ? finish() : result_;
  }

  Result<> finish() {
    draining_ = true;
    loop_->post([this] {
      store_->flush();
      if (waiting_ == 0) loop_->stop();
    });
    loop_->run();
    draining_ = false;
    return result_;
  }

 private:
  template <class F>
  void run(F begin) {
    (void)finish();
    loop_->post([&] {
      begin([this] { loop_->stop(); });
      store_->flush();
    });
    loop_->run();
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<server::Store> store_;
  std::unordered_set<server::MessageId> known_;
  std::uint64_t next_position_ = 1;
  std::uint64_t added_ = 0;
  std::size_t waiting_ = 0;
  bool draining_ = false;
  Result<> result_;
};

}  // namespace

Result<ReadReport> import_messages(const RelayStores& stores, server::StoreBackend& into,
                                   const std::filesystem::path& messages) {
  ReadReport report;
  MessageImport import(into);
  const MessageReader reader{.exists = [&](const RecipientId& queue) { return import.exists(queue); },
                             .use =
                                 [&](const RecipientId& queue, const server::StoredMessage& message) {
                                   if (stores.progress && report.read.messages % 10'000 == 0) {
                                     stores.progress(report.read);
                                   }
                                   return import.add(queue, message);
                                 }};
  std::error_code error;
  SIMPLEX_TRY(std::filesystem::is_directory(messages, error) ? read_journals(messages, reader, report)
                                                             : read_messages_file(messages, reader, report));
  SIMPLEX_TRY(import.finish());
  return report;
}

}  // namespace simplex::smp::stores

#include "transfer.hpp"

#include <algorithm>

#include "committer.hpp"
#include "state_view.hpp"

namespace simplex::smp::stores::embedded {
namespace {

using server::StateSink;
using server::StoreBackend;
using server::StoreTotals;

constexpr std::string_view import_key = "import";
constexpr std::size_t commit_octets = 4 * 1'024 * 1'024;
constexpr std::uint64_t progress_step = 1'000;

class ImportSink final : public StateSink {
 public:
  ImportSink(Database& database, std::move_only_function<void(const Totals&)> committed)
      : database_(database), committed_(std::move(committed)), change_(database.begin()), state_(*change_, known_) {}
  ~ImportSink() override {
    // When this fails too, the mark says it.
    if (!done_) (void)remove_everything(database_);
  }
  ImportSink(const ImportSink&) = delete;
  ImportSink& operator=(const ImportSink&) = delete;

  Result<> add_service(const server::ServiceRecord& service) override {
    return add(state_.write(server::NewService{service}));
  }
  Result<> add_queue(const server::QueueRecord& queue) override {
    return add(state_.write(server::CreateQueue{queue.clone()}));
  }
  // Positions of other stores need not be kept, but their order.
  Result<> add_message(const RecipientId& queue, const server::StoredMessage& message) override {
    if (queue != queue_) {
      queue_ = queue;
      position_ = 0;
    }
    auto placed = message;
    position_ = std::max(position_ + 1, message.position);
    placed.position = position_;
    return add(state_.add_message(queue, placed));
  }
  Result<> commit() override {
    write_totals(*change_, totals_);
    change_->remove(Table::about, as_bytes(import_key));
    SIMPLEX_TRY(database_.commit(*change_, Database::Durability::now));
    done_ = true;
    committed_(totals_);
    return {};
  }

 private:
  Result<> add(const Result<Totals>& added) {
    if (!added) return std::unexpected(added.error());
    totals_ += *added;
    if (change_->octets() < commit_octets) return {};
    return database_.commit(*change_, Database::Durability::later);
  }

  Database& database_;
  std::move_only_function<void(const Totals&)> committed_;
  std::unique_ptr<Change> change_;
  Known known_;
  StateChange state_;
  Totals totals_;
  RecipientId queue_;
  std::uint64_t position_ = 0;
  bool done_ = false;
};

struct Range {
  Table table;
  Bytes from;
  Bytes end;
};

// Longer than every key, and after all of them.
Range all_of(Table table) { return {table, {}, Bytes(256, 0xFF)}; }
Range of_services(char party) {
  return {Table::services, {static_cast<std::uint8_t>(party)}, {static_cast<std::uint8_t>(party + 1)}};
}

std::vector<Range> message_ranges() { return {all_of(Table::messages), all_of(Table::bodies), all_of(Table::times)}; }
std::vector<Range> queue_ranges() {
  return {all_of(Table::queues), all_of(Table::ids), all_of(Table::links), of_services('R'), of_services('N')};
}

// At once; `also` may put what goes with it. Space is given back afterwards.
Result<> remove_ranges(Database& database, const std::vector<Range>& ranges,
                       const std::function<void(Change& change)>& also) {
  const auto change = database.begin();
  for (const auto& range : ranges) change->remove_range(range.table, range.from, range.end);
  also(*change);
  SIMPLEX_TRY(database.commit(*change, Database::Durability::now));
  for (const auto& range : ranges) SIMPLEX_TRY(database.compact(range.table));
  return {};
}

}  // namespace

Result<StoreTotals> export_all(const View& view, StateSink& sink, const StoreBackend::Progress& progress) {
  StoreTotals totals;
  std::uint64_t steps = 0;
  const auto count = [&](std::uint64_t& counter) {
    ++counter;
    if (++steps % progress_step == 0) progress(totals);
  };
  SIMPLEX_TRY(scan_services(view, [&](const server::ServiceRecord& service) { return sink.add_service(service); }));
  SIMPLEX_TRY(view.scan(Table::queues, {}, {}, Reach::disk, [&](BytesView key, BytesView value) -> Result<bool> {
    Reader reader(key);
    SIMPLEX_ASSIGN(const auto id, decoded(read_id<RecipientId>(reader)));
    SIMPLEX_ASSIGN(auto queue, decoded(decode_queue(id, value)));
    SIMPLEX_TRY(read_link(view, queue, Reach::disk));
    SIMPLEX_TRY(sink.add_queue(queue));
    if (queue.notifier) ++totals.notifiers;
    count(totals.queues);
    return true;
  }));
  SIMPLEX_TRY(view.scan(Table::messages, {}, {}, Reach::disk, [&](BytesView key, BytesView value) -> Result<bool> {
    SIMPLEX_ASSIGN(const auto name, decoded(read_message_key(key)));
    SIMPLEX_ASSIGN(const auto header, decoded(decode_header(value)));
    SIMPLEX_ASSIGN(const auto message, read_message(view, name.queue, name.position, header, Reach::disk));
    SIMPLEX_TRY(sink.add_message(name.queue, *message));
    count(totals.messages);
    return true;
  }));
  progress(totals);
  return totals;
}

Result<std::unique_ptr<StateSink>> begin_import(Database& database,
                                                std::move_only_function<void(const Totals&)> committed) {
  const auto change = database.begin();
  change->put(Table::about, as_bytes(import_key), as_bytes("begun"));
  SIMPLEX_TRY(database.commit(*change, Database::Durability::now));
  return std::make_unique<ImportSink>(database, std::move(committed));
}

Result<bool> import_was_cut_short(const View& view) {
  SIMPLEX_ASSIGN(const auto mark, view.get(Table::about, as_bytes(import_key), Reach::disk));
  return mark.has_value();
}

Result<> remove_messages(Database& database, const Totals& left) {
  return remove_ranges(database, message_ranges(), [&](Change& change) { write_totals(change, left); });
}

Result<> remove_queues(Database& database, const Totals& left) {
  return remove_ranges(database, queue_ranges(), [&](Change& change) { write_totals(change, left); });
}

Result<> remove_everything(Database& database) {
  auto ranges = message_ranges();
  std::ranges::move(queue_ranges(), std::back_inserter(ranges));
  ranges.push_back(all_of(Table::services));
  return remove_ranges(database, ranges, [](Change& change) {
    write_totals(change, {});
    change.remove(Table::about, as_bytes(import_key));
  });
}

}  // namespace simplex::smp::stores::embedded

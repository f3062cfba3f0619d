#include "committer.hpp"

#include "state_view.hpp"

namespace simplex::smp::stores::embedded {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

constexpr std::string_view totals_key = "totals";
// What an operation takes in a group beside its octets.
constexpr std::size_t operation_octets = 256;

// What nobody relies on after a power cut: it need not wait for the disk (Store). Everything else was promised to last.
bool may_come_undone(const Operation& operation) {
  return std::visit(
      Overloaded{
          [](const server::StoreRecord& record) { return std::holds_alternative<server::UpdateTime>(record); },
          [](const AddMessage&) { return false; },
          [](const auto&) { return true; },
      },
      operation.what);
}

}  // namespace

Result<Totals> read_totals(const View& view) {
  SIMPLEX_ASSIGN(const auto value, view.get(Table::about, as_bytes(totals_key), Reach::disk));
  Totals made;
  if (!value) return made;
  Reader reader(*value);
  SIMPLEX_ASSIGN(made.queues, decoded(reader.i64()));
  SIMPLEX_ASSIGN(made.messages, decoded(reader.i64()));
  SIMPLEX_ASSIGN(made.notifiers, decoded(reader.i64()));
  return made;
}

void write_totals(Change& change, const Totals& totals) {
  Writer writer(24);
  writer.i64(totals.queues).i64(totals.messages).i64(totals.notifiers);
  change.put(Table::about, as_bytes(totals_key), writer.view());
}

Committer::Committer(Database& database, const CommitSettings& settings, const Totals& totals, Logger& logger)
    : database_(database),
      settings_(settings),
      logger_(logger),
      queues_(totals.queues),
      messages_(totals.messages),
      notifiers_(totals.notifiers),
      thread_([this] { run(); }) {}

Totals Committer::totals() const { return {queues_, messages_, notifiers_}; }

void Committer::set_totals(const Totals& totals) {
  queues_ = totals.queues;
  messages_ = totals.messages;
  notifiers_ = totals.notifiers;
}

void Committer::submit(const std::shared_ptr<Channel>& channel, Operations operations) {
  if (operations.empty()) return;
  std::size_t octets = 0;
  for (const auto& operation : operations) octets += operation_octets + operation.octets;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({channel, std::move(operations), octets});
    waiting_octets_ += octets;
    wake = sleeps_ || waiting_octets_ >= settings_.octets;
  }
  if (!thread_.joinable()) {
    while (!waiting_.empty()) write(waiting_);
  } else if (wake) {
    changed_.notify_one();
  }
}

void Committer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (!stopping_ && waiting_.empty()) {
      sleeps_ = true;
      changed_.wait(lock);
      sleeps_ = false;
    }
    if (waiting_.empty()) return;
    if (settings_.delay.count() > 0) {
      changed_.wait_for(lock, settings_.delay, [&] { return stopping_ || waiting_octets_ >= settings_.octets; });
    }
    std::deque<Submitted> taken;
    taken.swap(waiting_);
    waiting_octets_ = 0;
    lock.unlock();
    while (!taken.empty()) write(taken);
    lock.lock();
  }
}

// One commit, of as many as it takes.
void Committer::write(std::deque<Submitted>& waiting) {
  std::vector<Submitted> group;
  std::size_t octets = 0;
  while (!waiting.empty() && octets < settings_.octets) {
    octets += waiting.front().octets;
    group.push_back(std::move(waiting.front()));
    waiting.pop_front();
  }
  const auto committed = commit(group);
  note(committed);
  for (auto& [channel, operations, size] : group) {
    if (!committed) {
      for (auto& operation : operations) failed(operation, committed.error());
    }
    channel->finish(std::move(operations));
  }
}

Result<> Committer::commit(std::span<Submitted> group) {
  SIMPLEX_ASSIGN(const bool reopened, database_.recover());
  if (reopened) {
    SIMPLEX_ASSIGN(const auto found, read_totals(database_));
    set_totals(found);
    known_.ghosts = true;
  }
  std::size_t octets = 0;
  for (const auto& submitted : group) octets += submitted.octets;
  const auto change = database_.begin(octets);
  const auto before = this->totals();
  auto totals = before;
  auto durability = Database::Durability::later;
  for (auto& submitted : group) {
    for (auto& operation : submitted.operations) {
      if (!may_come_undone(operation)) durability = Database::Durability::now;
      auto applied = apply(*change, operation);
      if (applied) {
        totals += *applied;
      } else {
        operation.result = std::unexpected(std::move(applied).error());
      }
    }
  }
  if (totals != before) write_totals(*change, totals);
  if (!change->empty()) {
    if (auto committed = database_.commit(*change, durability); !committed) {
      known_.queues.clear();
      return committed;
    }
  }
  set_totals(totals);
  return {};
}

Result<Totals> Committer::apply(Change& view, Operation& operation) {
  StateChange change(view, known_);
  return std::visit(
      Overloaded{
          [&](const server::StoreRecord& record) { return change.write(record); },
          [&](const AddMessage& add) { return change.add_message(add.queue, *add.message); },
          [&](const RemoveMessage& remove) { return change.remove_message(remove.queue, remove.position, remove.id); },
          [&](const RemoveExpired& remove) { return change.remove_expired(remove.messages, *remove.removed); },
          [&](Read& read) -> Result<Totals> {
            read.read(view);
            return Totals();
          },
          [](const Refused& refused) -> Result<Totals> { return std::unexpected(refused.error); },
      },
      operation.what);
}

void Committer::failed(Operation& operation, const Error& error) {
  if (auto* read = std::get_if<Read>(&operation.what)) {
    read->read(database_);
  } else if (operation.result) {
    operation.result = std::unexpected(error);
  }
}

void Committer::note(const Result<>& committed) {
  if (!committed && !failing_) logger_.error(committed.error().message);
  if (committed && failing_) logger_.warning("the queue store can be written again");
  failing_ = !committed;
}

}  // namespace simplex::smp::stores::embedded

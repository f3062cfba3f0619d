#include "simplex/smp/stores/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/stores/journal.hpp"

namespace simplex::smp::stores {
namespace {

namespace fs = std::filesystem;
using server::RecipientId;
using server::StoreTotals;

constexpr std::uint64_t progress_every = 10'000;

void tell(const server::StoreBackend::Progress& progress, const StoreTotals& done) {
  if (progress && (done.queues + done.messages) % progress_every == 0) progress(done);
}

Result<server::LoggedQueues> replay(const fs::path& file, std::vector<FileProblem>& problems) {
  // The reference moves the log to ".start" while it compacts it: one left behind is the last whole state.
  auto source = file;
  source += ".start";
  std::error_code error;
  if (!fs::exists(source, error)) source = file;
  server::LogReplay log;
  SIMPLEX_TRY(server::read_log_lines(
      source,
      [&](std::string_view line) -> Result<> {
        SIMPLEX_ASSIGN(auto record, server::parse_record(line));
        return log.use(std::move(record));
      },
      [&](server::LogProblem problem, std::string_view) { problems.push_back({source, std::move(problem)}); }));
  server::LoggedQueues made;
  made.queues = log.take_queues();
  made.services = log.take_services();
  return made;
}

// Queues whose messages do not all stand together: only these are collected in memory.
Result<std::unordered_set<RecipientId>> scattered_queues(const fs::path& file) {
  std::unordered_set<RecipientId> seen;
  std::unordered_set<RecipientId> scattered;
  RecipientId last;
  SIMPLEX_TRY(server::read_log_lines(
      file,
      [&](std::string_view line) -> Result<> {
        const auto begin = line.find(' ');
        if (begin == std::string_view::npos) return {};
        const auto octets = from_base64url(line.substr(begin + 1, line.find(' ', begin + 1) - begin - 1));
        const auto id = octets ? RecipientId::from(*octets) : std::nullopt;
        if (!id || *id == last) return {};
        if (!seen.insert(*id).second) scattered.insert(*id);
        last = *id;
        return {};
      },
      [](const server::LogProblem&, std::string_view) {}));
  return scattered;
}

// Of a state file, or of the one that is there while it is rewritten.
std::optional<RecipientId> queue_of_state_file(const fs::path& file) {
  constexpr std::string_view prefix = "queue_state.";
  auto name = file.filename().string();
  if (name.ends_with(".log.bak")) {
    name.resize(name.size() - 4);
    std::error_code error;
    if (fs::exists(file.parent_path() / name, error)) return std::nullopt;
  }
  if (!name.starts_with(prefix) || !name.ends_with(".log")) return std::nullopt;
  const auto octets = from_base64url(std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - 4));
  return octets ? RecipientId::from(*octets) : std::nullopt;
}

class FileSink final : public server::StateSink {
 public:
  FileSink(std::optional<server_kit::FileReplacement> log, std::optional<server::MessageLogWriter> messages,
           std::optional<fs::path> journal)
      : log_(std::move(log)), messages_(std::move(messages)), journal_(std::move(journal)) {}
  ~FileSink() override {
    std::error_code error;
    if (journal_) fs::remove_all(temporary_journal(), error);
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Result<> add_service(const server::ServiceRecord& service) override {
    return line(server::format_record(server::NewService{service}));
  }
  Result<> add_queue(const server::QueueRecord& queue) override { return line(server::format_queue(queue)); }
  Result<> add_message(const RecipientId& queue, const server::StoredMessage& message) override {
    if (messages_) SIMPLEX_TRY(messages_->add(queue, message));
    if (!journal_) return {};
    if (queue != queue_) SIMPLEX_TRY(end_queue());
    queue_ = queue;
    waiting_.push_back(std::make_shared<const server::StoredMessage>(message));
    return {};
  }
  Result<> commit() override {
    if (messages_) SIMPLEX_TRY(messages_->commit());
    if (journal_) {
      SIMPLEX_TRY(end_queue());
      SIMPLEX_TRY(server_kit::create_directories(temporary_journal(), 0700));
      std::error_code error;
      fs::rename(temporary_journal(), *journal_, error);
      if (error) {
        return fail(ErrorKind::storage, fmt::format("cannot create {}: {}", journal_->string(), error.message()),
                    Advice::ask_user);
      }
    }
    return log_ ? log_->commit() : Result<>();
  }

 private:
  [[nodiscard]] fs::path temporary_journal() const {
    auto made = *journal_;
    made += ".new";
    return made;
  }
  Result<> line(const std::string& text) {
    if (!log_) return {};
    SIMPLEX_TRY(log_->write(as_bytes(text)));
    return log_->write(as_bytes("\n"));
  }
  Result<> end_queue() {
    if (waiting_.empty()) return {};
    SIMPLEX_TRY(write_journal(temporary_journal(), queue_, waiting_, random_));
    waiting_.clear();
    return {};
  }

  std::optional<server_kit::FileReplacement> log_;
  std::optional<server::MessageLogWriter> messages_;
  std::optional<fs::path> journal_;
  SystemRandom random_;
  RecipientId queue_;
  std::vector<server::MessagePtr> waiting_;
};

Result<> must_not_exist(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  return fail(ErrorKind::conflict, file.string() + " exists already: move it away, nothing is overwritten",
              Advice::ask_user);
}

}  // namespace

std::string format(const FileProblem& problem) {
  if (problem.problem.line == 0) return fmt::format("{}: {}", problem.file.string(), problem.problem.what);
  return fmt::format("{}:{}: {}", problem.file.string(), problem.problem.line, problem.problem.what);
}

Result<> read_messages_file(const fs::path& file, const MessageReader& reader, ReadReport& report) {
  SIMPLEX_ASSIGN(const auto scattered, scattered_queues(file));
  std::unordered_map<RecipientId, std::vector<std::shared_ptr<server::StoredMessage>>> collected;
  RecipientId last;
  std::uint64_t position = 0;
  bool last_exists = false;
  Result<> failed;
  const auto use = [&](const RecipientId& queue, server::StoredMessage& message) -> Result<> {
    if (queue != last) {
      last = queue;
      position = 0;
      last_exists = reader.exists(queue);
    }
    if (!last_exists) {
      ++report.orphans;
      return {};
    }
    message.position = ++position;
    ++report.read.messages;
    return reader.use(queue, message);
  };
  SIMPLEX_TRY(server::read_log_lines(
      file,
      [&](std::string_view line) -> Result<> {
        if (!failed) return {};
        SIMPLEX_ASSIGN(auto parsed, server::parse_message(line));
        if (scattered.contains(parsed.queue)) {
          collected[parsed.queue].push_back(std::move(parsed.message));
        } else {
          failed = use(parsed.queue, *parsed.message);
        }
        return {};
      },
      [&](server::LogProblem problem, std::string_view) { report.problems.push_back({file, std::move(problem)}); }));
  for (const auto& [queue, messages] : collected) {
    for (const auto& message : messages) {
      if (failed) failed = use(queue, *message);
    }
  }
  return failed;
}

Result<> read_journals(const fs::path& root, const MessageReader& reader, ReadReport& report) {
  std::error_code error;
  if (!fs::exists(root, error)) return {};
  fs::recursive_directory_iterator entry(root, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const auto queue = queue_of_state_file(entry->path());
    if (!queue) continue;
    if (entry->path().parent_path() != journal_folder(root, *queue)) {
      report.problems.push_back({entry->path(), {0, "the file is not in the folder of its queue"}});
      continue;
    }
    SIMPLEX_ASSIGN(const auto messages, read_journal(root, *queue, report.problems));
    if (messages.empty()) continue;
    if (!reader.exists(*queue)) {
      report.orphans += messages.size();
      continue;
    }
    std::uint64_t position = 0;
    for (const auto& message : messages) {
      message->position = ++position;
      ++report.read.messages;
      SIMPLEX_TRY(reader.use(*queue, *message));
    }
  }
  if (error) {
    return fail(ErrorKind::storage, fmt::format("cannot read {}: {}", root.string(), error.message()),
                Advice::ask_user);
  }
  return {};
}

Result<ReadReport> read_files(const RelayFiles& files, server::StateSink& sink,
                              const server::StoreBackend::Progress& progress) {
  ReadReport report;
  std::unordered_set<RecipientId> known;
  {
    SIMPLEX_ASSIGN(const auto log, replay(files.store_log, report.problems));
    for (const auto& service : log.services) SIMPLEX_TRY(sink.add_service(service));
    for (const auto& queue : log.queues) {
      SIMPLEX_TRY(sink.add_queue(queue));
      ++report.read.queues;
      if (queue.notifier) ++report.read.notifiers;
      known.insert(queue.recipient_id);
      tell(progress, report.read);
    }
  }
  const MessageReader reader{.exists = [&](const RecipientId& id) { return known.contains(id); },
                             .use =
                                 [&](const RecipientId& queue, const server::StoredMessage& message) {
                                   tell(progress, report.read);
                                   return sink.add_message(queue, message);
                                 }};
  if (files.messages) SIMPLEX_TRY(read_messages_file(*files.messages, reader, report));
  if (files.journal) SIMPLEX_TRY(read_journals(*files.journal, reader, report));
  if (progress) progress(report.read);
  return report;
}

Result<std::unique_ptr<server::StateSink>> write_files(const RelayFiles& files) {
  const bool with_queues = !files.store_log.empty();
  if (with_queues) SIMPLEX_TRY(must_not_exist(files.store_log));
  if (files.messages) SIMPLEX_TRY(must_not_exist(*files.messages));
  if (files.journal) {
    SIMPLEX_TRY(must_not_exist(*files.journal));
    // What an interrupted attempt left.
    std::error_code error;
    fs::remove_all(files.journal->string() + ".new", error);
  }
  std::optional<server_kit::FileReplacement> log;
  std::optional<server::MessageLogWriter> messages;
  if (with_queues) {
    SIMPLEX_ASSIGN(auto begun, server_kit::FileReplacement::begin(files.store_log, server_kit::private_file));
    log.emplace(std::move(begun));
  }
  if (files.messages) {
    SIMPLEX_ASSIGN(auto begun, server::MessageLogWriter::begin(*files.messages));
    messages.emplace(std::move(begun));
  }
  return std::make_unique<FileSink>(std::move(log), std::move(messages), files.journal);
}

}  // namespace simplex::smp::stores

// One connection to the database, with a thread of its own, for the commands of some shards.
//
//   shards ──flush──► waiting ──► batch: BEGIN, hold, command, command ..., COMMIT, Sync ──► answers ──► mailboxes
//
// A batch is what came while the one before was on its way: one transaction, one round trip, whatever its size. When a
// statement fails, the transaction is rolled back and each command of the batch is run in one of its own.
//
// When the connection breaks, commands keep their order and wait for the next one, each until its time is up. Whether a
// batch without an answer was committed is read from the lane's row (its number is written in the same transaction);
// taking the lane gives the row a new epoch, so that what a dead connection still had on its way fails. Commands that
// were given up while this was unknown are taken back, if they turn out to be committed.
#pragma once

#include <condition_variable>
#include <thread>

#include "simplex/base/log.hpp"
#include "postgres/commands.hpp"

namespace simplex::smp::stores::postgres {

// How the lanes are; said in the log when it changes, not for each command. Thread-safe.
class Health {
 public:
  explicit Health(Logger& logger) : logger_(logger) {}
  void lane_down(const Error& why);
  void lane_up();
  void lost_lease();
  // A statement failed, or a row can't be read.
  void statement_failed(const Error& why);
  [[nodiscard]] bool lease_lost() const { return lease_lost_; }

 private:
  Logger& logger_;
  SystemClock clock_;
  std::mutex mutex_;
  int down_ = 0;
  Instant since_{};
  Instant last_failure_{};
  std::uint64_t unsaid_failures_ = 0;
  std::atomic<bool> lease_lost_ = false;
};

// What the lanes did; for tests and statistics.
struct Traffic {
  std::atomic<std::uint64_t> commands = 0;
  std::atomic<std::uint64_t> batches = 0;
  std::atomic<std::uint64_t> round_trips = 0;
  std::atomic<std::uint64_t> connections = 0;
};

struct LaneSettings {
  ConnectionString connection;
  std::string schema;
  std::string holder;  // of the lease: this run of the relay
  Duration timeout{};  // of an answer, and of a command that waits
  std::size_t waiting_octets = 0;
};

class Lane {
 public:
  Lane(int number, const LaneSettings& settings, Health& health, Traffic& traffic);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Thread-safe. Commands of one caller keep their order.
  void post(std::vector<std::unique_ptr<Command>> commands);
  // Does what waits, or gives it up in time, and ends. How many commands were given up since the lane was made.
  std::uint64_t stop();

 private:
  using Commands = std::deque<std::unique_ptr<Command>>;
  enum class Outcome : std::uint8_t { committed, failed, lost };

  void run();
  void connect();
  [[nodiscard]] Result<> set_up(Connection& connection);
  [[nodiscard]] Commands take_batch();
  void work(Commands batch);
  // Why a transaction failed, and what to do about it.
  struct Failure {
    enum class About : std::uint8_t {
      command,   // one of the commands is bad
      moment,    // it may go well when it is run again
      database,  // no command would go well now
    };
    Error error;
    About about = About::command;
  };
  // One transaction. committed: the commands are answered, those that have more to do stay. failed: nothing is done.
  Outcome transact(Commands& batch, std::optional<Failure>& why);
  [[nodiscard]] Result<bool> exchange(const Commands& batch, std::vector<Rows>& rows, std::optional<Failure>& why);
  [[nodiscard]] static Failure failure_of(const Rows& rows);
  void work_one_by_one(Commands batch);
  void answer(Commands& batch, const std::vector<Rows>& rows);
  void broke(Commands batch, const Error& why);
  void give_up_late();
  void give_up(std::unique_ptr<Command> command, bool may_be_made, Error error);
  void put_back(Commands commands);

  const int number_;
  const LaneSettings& settings_;
  Health& health_;
  Traffic& traffic_;
  SystemClock clock_;
  SystemRandom random_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Commands waiting_;
  std::size_t waiting_octets_ = 0;
  bool stopping_ = false;

  // Of the thread.
  std::optional<Connection> connection_;
  bool said_down_ = false;
  std::int64_t epoch_ = 0;
  std::int64_t last_batch_ = 0;
  // The batch whose answer was lost: its first commands in waiting_, and what takes back those that were given up.
  std::size_t unknown_ = 0;
  std::int64_t unknown_batch_ = 0;
  Commands undo_;
  std::uint64_t given_up_ = 0;
  Duration back_off_{};
  std::thread thread_;
};

}  // namespace simplex::smp::stores::postgres

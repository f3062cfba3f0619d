// Tables of keys and values, in the order of the keys, in a folder: what the embedded store needs of an engine, and all
// that it sees of RocksDB (docs/adr/0006). A change of several tables is whole or not there, also after a power cut.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "simplex/base/bytes.hpp"
#include "simplex/base/log.hpp"
#include "simplex/base/result.hpp"

namespace rocksdb {
class Env;
}

namespace simplex::smp::stores::embedded {

enum class Table : std::uint8_t {
  about,     // of the store itself
  queues,    // recipient id -> queue record, without its link data
  ids,       // kind and id -> recipient id
  links,     // recipient id -> link data
  messages,  // recipient id, position -> header of a message
  bodies,    // the same -> its body
  times,     // time of sending, recipient id, position -> nothing
  services,  // services, and the queues of each
};
inline constexpr std::size_t table_count = 8;

// How far a read may go. A read of what is in memory fails with needs_disk() when it would have to wait for a file.
enum class Reach : std::uint8_t { memory, disk };
[[nodiscard]] bool needs_disk(const Error& error) noexcept;

// What can be read. Thread-safe, but for a Change.
class View {
 public:
  virtual ~View() = default;
  [[nodiscard]] virtual Result<std::optional<Bytes>> get(Table table, BytesView key, Reach reach) const = 0;
  // Visits keys with this prefix from `from` on, which is not before the prefix, in order, until there are no more or
  // the visitor answers false. The views last for the call.
  using Visit = std::function<Result<bool>(BytesView key, BytesView value)>;
  [[nodiscard]] virtual Result<> scan(Table table, BytesView prefix, BytesView from, Reach reach,
                                      const Visit& visit) const = 0;
};

// What is to be changed, over what is there: reads of it see both. One thread uses it, and one at a time exists.
class Change : public View {
 public:
  virtual void put(Table table, BytesView key, BytesView value) = 0;
  virtual void remove(Table table, BytesView key) = 0;
  // All keys from `from` on that are before `end`. Not taken back by undo(), and reads of this change do not see it.
  virtual void remove_range(Table table, BytesView from, BytesView end) = 0;
  // What was put and removed since the last mark() is taken back by undo(); forget_mark() keeps it.
  virtual void mark() = 0;
  virtual void undo() = 0;
  virtual void forget_mark() = 0;
  [[nodiscard]] virtual bool empty() const = 0;
  [[nodiscard]] virtual std::size_t octets() const = 0;
};

struct DatabaseSettings {
  std::filesystem::path folder;
  bool create = false;  // else a database that is not there is an error
  std::size_t cache_octets = 64 * 1'024 * 1'024;
  std::size_t unwritten_octets = 64 * 1'024 * 1'024;  // in memory, beside the log that makes them last
  rocksdb::Env* disk = nullptr;                       // null: the machine's; outlives the database
};

class Database : public View {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const DatabaseSettings& settings, Logger& logger);

  // As it is now, whatever is committed later. For reads of several keys that belong together; not to be kept long.
  [[nodiscard]] virtual std::unique_ptr<View> snapshot() const = 0;
  // After a failed commit: tries to make the store usable again; true when that was needed, and what is there may be
  // other than it was. An error when the disk still fails; reading goes on meanwhile.
  [[nodiscard]] virtual Result<bool> recover() = 0;
  // Not after a failed commit. It goes before recover() is called. octets: about what will be put into it.
  [[nodiscard]] virtual std::unique_ptr<Change> begin(std::size_t octets = 0) = 0;
  // Applies the change, and empties it. When it returns without an error, the change survives a power cut. With an error
  // nothing of it is applied; it may be there again after recover() or a crash, as a whole, because nobody knows what a
  // failed write left on the disk. Until recover() nothing can be written.
  enum class Durability : std::uint8_t { now, later };  // later: with the next that is made durable
  [[nodiscard]] virtual Result<> commit(Change& change, Durability durability) = 0;
  // Writes what is only in the log and in memory into the tables, so that opening it again has no log to read. Blocks.
  [[nodiscard]] virtual Result<> write_out() = 0;
  // Gives back the space of what was removed from a table. Blocks.
  [[nodiscard]] virtual Result<> compact(Table table) = 0;
};

}  // namespace simplex::smp::stores::embedded

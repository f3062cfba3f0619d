#include "lineage.hpp"

#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/store/small_file.hpp"

namespace simplex::agent {
namespace {

constexpr std::size_t id_size = 16;
constexpr std::int64_t most_generations = std::int64_t{1} << 62;

}  // namespace

Result<std::optional<Lineage::Name>> Lineage::read_file() const {
  SIMPLEX_ASSIGN(const auto octets, store::read_small_file(file()));
  if (!octets) return std::nullopt;
  Reader reader(*octets);
  Name name;
  const auto id = reader.take(id_size);
  const auto generation = reader.i64();
  // One that is no such file agrees with no database.
  if (id && generation && reader.finish()) name = {to_bytes(*id), *generation};
  return name;
}

Result<bool> Lineage::open(Random& random) {
  bool known = false;
  bool copy = false;
  {
    SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT database_id, generation, copy FROM lineage"));
    SIMPLEX_ASSIGN(known, row.step());
    if (known) {
      name_ = {row.bytes(0), row.integer(1)};
      copy = row.boolean(2);
    }
  }
  if (has_file()) {
    SIMPLEX_ASSIGN(const auto beside, read_file());
    const bool same = beside && beside->id == name_.id && beside->generation <= name_.generation;
    // Without a row: the program that wrote it knew nothing of generations, and neither did anybody else.
    if (known ? !same : beside.has_value()) copy = true;
    if (beside) name_.generation = std::max(name_.generation, beside->generation);
  }
  // A count that cannot be is nobody's: the file to import may come from anybody.
  if (name_.generation < 0 || name_.generation >= most_generations) {
    copy = copy || known;
    name_.generation = 0;
  }
  if (!known || copy) name_.id = random.bytes(id_size);
  ++name_.generation;
  SIMPLEX_TRY(db_.run("INSERT OR REPLACE INTO lineage (one, database_id, generation, copy) VALUES (1, ?, ?, 0)",
                      name_.id, name_.generation));
  changes_ = db_.total_changes();
  return copy;
}

Result<bool> Lineage::grow() {
  if (db_.total_changes() == changes_ || !has_file()) return false;
  ++name_.generation;
  SIMPLEX_TRY(db_.run("UPDATE lineage SET generation = ?", name_.generation));
  changes_ = db_.total_changes();
  return true;
}

void Lineage::write_file() {
  if (!has_file()) return;
  Writer writer;
  writer.raw(name_.id).i64(name_.generation);
  const auto written = store::replace_small_file(file(), writer.view());
  if (!written) log_.warning("An old copy of the database might not be known as one: " + written.error().message);
}

Result<> Lineage::mark_as_copy(store::Database& copy) {
  SIMPLEX_TRY(
      copy.run("INSERT INTO lineage (one, database_id, generation, copy) VALUES (1, x'', 0, 1) "
               "ON CONFLICT (one) DO UPDATE SET copy = 1"));
  return {};
}

}  // namespace simplex::agent

// A relay's whole state, out of the store and into it.
#pragma once

#include "simplex/smp/server/store.hpp"
#include "database.hpp"
#include "state_change.hpp"

namespace simplex::smp::stores::embedded {

[[nodiscard]] Result<server::StoreTotals> export_all(const View& view, server::StateSink& sink,
                                                     const server::StoreBackend::Progress& progress);

// Marks the store as one that is being filled, then fills it. `committed` gets the totals at the end. A sink that is
// dropped before its commit() empties the store again; after a crash the mark stays.
[[nodiscard]] Result<std::unique_ptr<server::StateSink>> begin_import(
    Database& database, std::move_only_function<void(const Totals&)> committed);
// The mark is there: the store holds a part of what was to be imported.
[[nodiscard]] Result<bool> import_was_cut_short(const View& view);

// `left`: the totals of what stays.
[[nodiscard]] Result<> remove_messages(Database& database, const Totals& left);
// Queues and all that leads to them; services stay.
[[nodiscard]] Result<> remove_queues(Database& database, const Totals& left);
[[nodiscard]] Result<> remove_everything(Database& database);

}  // namespace simplex::smp::stores::embedded

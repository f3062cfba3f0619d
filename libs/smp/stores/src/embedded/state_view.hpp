// The relay's state, read from tables.
#pragma once

#include "simplex/smp/server/store.hpp"
#include "database.hpp"
#include "keys.hpp"
#include "records.hpp"

namespace simplex::smp::stores::embedded {

// A record that cannot be read, as the operator is told.
[[nodiscard]] std::unexpected<Error> damaged(const Error& error);
template <class T>
[[nodiscard]] Result<T> decoded(Result<T> result) {
  if (!result) return damaged(result.error());
  return result;
}

// Nothing, when there is none. Without the data of its link.
[[nodiscard]] Result<std::optional<server::QueueRecord>> read_queue(const View& view, const RecipientId& id,
                                                                    Reach reach);
// Adds the data of its link, if it has one.
[[nodiscard]] Result<> read_link(const View& view, server::QueueRecord& queue, Reach reach);

// Oldest first, until `visit` answers false.
using VisitHeader = std::function<bool(std::uint64_t position, const MessageHeader& header)>;
[[nodiscard]] Result<> scan_headers(const View& view, const RecipientId& queue, Reach reach, const VisitHeader& visit);
[[nodiscard]] Result<server::MessagePtr> read_message(const View& view, const RecipientId& queue,
                                                      std::uint64_t position, const MessageHeader& header, Reach reach);

// The bodies of load_queue are as many as fit into max_octets.
[[nodiscard]] Result<std::optional<server::LoadedQueue>> load_queue(const View& view, const RecipientId& id,
                                                                    std::size_t max_octets, Reach reach);
[[nodiscard]] Result<std::optional<server::LinkData>> load_link(const View& view, const RecipientId& queue,
                                                                Reach reach);
[[nodiscard]] Result<std::vector<server::MessagePtr>> load_messages(const View& view, const RecipientId& queue,
                                                                    std::size_t max_octets, Reach reach);
[[nodiscard]] Result<std::optional<RecipientId>> find_queue(const View& view, IdKind kind, BytesView id, Reach reach);

using IsOurs = std::function<bool(const RecipientId& queue)>;  // of the shard that asks
[[nodiscard]] Result<std::vector<server::ServiceQueue>> list_service_queues(const View& view, const ServiceId& service,
                                                                            ServiceParty party,
                                                                            const std::optional<RecipientId>& after,
                                                                            std::size_t limit, const IsOurs& is_ours,
                                                                            Reach reach);
// Messages, but no quota markers, that were sent before the time, from the oldest. `from`: where to go on; it is moved.
[[nodiscard]] Result<std::vector<TimeName>> find_expired(const View& view, std::int64_t before, std::size_t limit,
                                                         const IsOurs& is_ours, Bytes& from);

// In no order that means anything. False of `visit` stops.
[[nodiscard]] Result<> scan_services(const View& view, const std::function<Result<>(server::ServiceRecord)>& visit);

}  // namespace simplex::smp::stores::embedded

// RSLV (simplex-messaging.md, "Resolve name"), a connection's own or forwarded.
#include "simplex/smp/server/names.hpp"
#include "simplex/smp/server/shard.hpp"

namespace simplex::smp::server {

void Shard::resolve_name(const Request& request, const command::Rslv& rslv) {
  const Origin origin{request.client, request.received.corr_id, EntityId(), request.forwarding};
  auto& counted = statistics_.names;
  ++counted.requests;
  if (names_ == nullptr) {
    ++counted.disabled;
    return error(origin, errors::Name{name_errors::NoResolver{}});
  }
  const auto client = clients_.find(request.client);
  if (client == clients_.end()) return;
  if (client->second.names >= settings_.names) {
    ++counted.resolver_errors;
    ++statistics_.refused_names_of_connection;
    return error(origin, errors::Name{name_errors::Resolver{"too many requests"}});
  }
  ++client->second.names;
  names_->resolve(rslv.name, [this, origin](Result<NameRecord, NameError> found) {
    auto& names = statistics_.names;
    if (found) {
      ++names.success;
    } else if (std::holds_alternative<name_errors::NotFound>(found.error())) {
      ++names.not_found;
    } else {
      ++names.resolver_errors;
    }
    const auto asker = clients_.find(origin.client);
    if (asker == clients_.end()) return;
    --asker->second.names;
    if (!found) return error(origin, errors::Name{std::move(found).error()});
    answer(origin, broker::Rname{*std::move(found)});
  });
}

}  // namespace simplex::smp::server

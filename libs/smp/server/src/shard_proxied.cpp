// PRXY and PFWD (simplex-messaging.md, "Private message routing"): commands of this shard's clients that other relays
// answer.
#include "simplex/smp/server/proxy.hpp"
#include "simplex/smp/server/shard.hpp"

namespace simplex::smp::server {

std::size_t Shard::proxied(ClientId client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? 0 : found->second.proxied;
}

// False when the client is gone.
bool Shard::end_proxied(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return false;
  --found->second.proxied;
  return true;
}

void Shard::open_relay(const Request& request, const command::Prxy& prxy) {
  const auto client = clients_.find(request.client);
  if (client == clients_.end()) return;
  const bool allowed = !settings_.password || prxy.password == settings_.password;
  if (proxy_ == nullptr || !allowed) return error(request.origin(), errors::Proxy{proxy_errors::BasicAuth{}});
  ++client->second.proxied;
  proxy_->open_session(request.client, prxy.relay,
                       [this, origin = request.origin()](Result<broker::Pkey, ErrorType> made) {
                         if (!end_proxied(origin.client)) return;
                         if (!made) return error(origin, std::move(made).error());
                         answer(origin, *std::move(made));
                       });
}

void Shard::forward(const Request& request, const command::Pfwd& pfwd) {
  const auto client = clients_.find(request.client);
  if (client == clients_.end()) return;
  if (proxy_ == nullptr) return error(request.origin(), errors::Proxy{proxy_errors::NoSession{}});
  ++client->second.proxied;
  proxy_->forward(request.client, request.received.entity_id, request.received.corr_id, pfwd,
                  [this, origin = request.origin()](Result<Bytes, ErrorType> response) {
                    if (!end_proxied(origin.client)) return;
                    if (!response) return error(origin, std::move(response).error());
                    const auto kept = std::make_shared<const Bytes>(*std::move(response));
                    answer(origin, broker::Pres{Content(*kept)}, 0, kept);
                  });
}

}  // namespace simplex::smp::server

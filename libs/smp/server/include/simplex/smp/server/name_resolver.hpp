// The resolver of names that the operator runs, asked over HTTP: GET <endpoint>/resolve/<name>. 200 with the record as
// JSON; 404 and 400 when there is no such name.
#pragma once

#include <chrono>

#include "simplex/async/loop.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/smp/server/names.hpp"
#include "simplex/transport/web.hpp"

namespace simplex::smp::server {

// INI: section NAMES. `enable` (off) decides whether there is one.
struct NameSettings {
  // resolver_endpoint: http://HOST[:PORT][/PATH] or https://...
  transport::Endpoint endpoint;
  bool tls = false;  // with the authorities that the system trusts
  std::string host;  // of the Host field
  std::string path;  // before /resolve/
  // resolver_auth: "bearer TOKEN" or "basic USER:PASSWORD"; here the value of the Authorization field, or empty.
  SecretBytes authorization;
  std::chrono::milliseconds timeout{3'000};  // resolver_timeout_ms, 100 to 60000
  std::size_t max_response = 16'000;         // resolver_max_response_bytes, 1024 to 16000
  // resolver_concurrency: requests at once of the whole relay. The bound of one connection is EngineSettings::names.
  std::size_t concurrency = 1'000;
  std::size_t waiting = 10'000;  // names that wait for their turn, of the whole relay; past it they are refused

  // A wrong address is an error that says why. With authorization, plain HTTP may only go to this machine.
  [[nodiscard]] Result<> set_endpoint(std::string_view url);
  [[nodiscard]] Result<> set_authorization(std::string_view text);
  [[nodiscard]] Result<> check() const;
};

// One of `nodes` resolvers of a relay, each with its share of the bounds; lives on the loop. Equal names that are asked
// for at the same time make one request. Errors are the reference's: NOT_FOUND, and RESOLVER with "timeout",
// "transport failure", "response too large", "invalid response" or "HTTP <status>"; and "too many requests".
[[nodiscard]] std::unique_ptr<NameResolver> make_name_resolver(async::Loop& loop, const NameSettings& settings,
                                                               std::shared_ptr<transport::WebConnector> connector,
                                                               std::size_t nodes);

}  // namespace simplex::smp::server

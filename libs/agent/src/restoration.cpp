#include "restoration.hpp"

namespace simplex::agent {
namespace {

constexpr std::size_t at_once = 8;  // a pair of post-quantum keys takes some milliseconds

}  // namespace

Result<> Restoration::begin() {
  SIMPLEX_ASSIGN(const bool any, core_.connections.any());
  if (!any) return {};
  SIMPLEX_TRY(core_.connections.doubt_keys());  // first: the event's number is new to the application, too
  SIMPLEX_TRY(core_.outbox.durable(DatabaseRestored{}));
  SIMPLEX_ASSIGN(const auto in_doubt, core_.connections.in_doubt(std::nullopt));
  for (const auto key : in_doubt) {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
    if (!connection.connected) {
      SIMPLEX_TRY(end(connection));
      SIMPLEX_TRY(core_.outbox.durable(
          ConnectionFailed{connection.id,
                           Failure::encryption,
                           {ErrorKind::conflict,
                            "The connection was being made when this copy of the database was. Connect by a new link.",
                            Advice::ask_user}}));
    } else if (connection.agent_version < ratchet_sync_agent_version) {
      SIMPLEX_TRY(core_.connections.set_doubt(key, KeyDoubt::asked));  // as if: it cannot be
      SIMPLEX_TRY(ratchet_sync_.cannot_go_on(connection));
    }
  }
  return {};
}

void Restoration::start() {
  running_ = std::make_shared<bool>(true);
  go_on();
}

void Restoration::stop() { running_.reset(); }

void Restoration::go_on() {
  const auto more = core_.turn.run([this] { return next(); });
  if (!more) return core_.storage_failed(more.error());
  if (!*more) return;
  core_.dependencies.loop.post([this, running = std::weak_ptr(running_)] {
    if (!running.expired()) go_on();
  });
}

Result<bool> Restoration::next() {
  SIMPLEX_ASSIGN(const auto in_doubt, core_.connections.in_doubt(at_once));
  for (const auto key : in_doubt) {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
    SIMPLEX_TRY(core_.connections.set_doubt(key, KeyDoubt::asked));
    // The peer, or the application, may have begun already.
    if (connection.sync == RatchetSyncState::started || connection.sync == RatchetSyncState::agreed) continue;
    auto begun = ratchet_sync_.start(connection, connection.pq, true);
    if (!begun && begun.error().kind == ErrorKind::storage) return std::unexpected(begun.error());
    if (!begun) SIMPLEX_TRY(ratchet_sync_.cannot_go_on(connection));
  }
  return in_doubt.size() == at_once;
}

}  // namespace simplex::agent

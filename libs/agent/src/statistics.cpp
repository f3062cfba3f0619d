#include "statistics.hpp"

#include <algorithm>

namespace simplex::agent {
namespace {

constexpr std::array<std::string_view, relay_counters> names{"sentDirect",
                                                             "sentViaProxy",
                                                             "sentProxied",
                                                             "sentDirectAttempts",
                                                             "sentViaProxyAttempts",
                                                             "sentProxiedAttempts",
                                                             "sentAuthErrs",
                                                             "sentQuotaErrs",
                                                             "sentExpiredErrs",
                                                             "sentOtherErrs",
                                                             "recvMsgs",
                                                             "recvDuplicates",
                                                             "recvCryptoErrs",
                                                             "recvErrs",
                                                             "ackMsgs",
                                                             "ackAttempts",
                                                             "ackNoMsgErrs",
                                                             "ackOtherErrs",
                                                             "connCreated",
                                                             "connSecured",
                                                             "connCompleted",
                                                             "connDeleted",
                                                             "connDelAttempts",
                                                             "connDelErrs",
                                                             "connSubscribed",
                                                             "connSubAttempts",
                                                             "connSubIgnored",
                                                             "connSubErrs"};
static_assert(!names.back().empty());

}  // namespace

std::string_view name_of(RelayCounter counter) noexcept { return names[static_cast<std::size_t>(counter)]; }

Result<> Statistics::load(WallTime now) {
  since_ = now;
  SIMPLEX_ASSIGN(auto begun, db_.prepare("SELECT since FROM statistics"));
  SIMPLEX_ASSIGN(const bool found, begun.step());
  if (found) since_ = begun.time(0);
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT user_id, server, counter, number FROM relay_counters"));
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    const auto counter = static_cast<std::size_t>(rows.integer(2));
    if (counter >= relay_counters) continue;  // of a newer program
    auto& counts = at(rows.number<UserId>(0), rows.text(1));
    counts.now_[counter] = counts.saved_[counter] = rows.integer(3);
  }
}

bool Statistics::changed() const {
  return std::ranges::any_of(counts_, [](const auto& entry) { return entry.second.now_ != entry.second.saved_; });
}

Result<> Statistics::save() {
  SIMPLEX_TRY(db_.run("INSERT OR IGNORE INTO statistics (one, since) VALUES (1, ?)", since_));
  for (auto& [place, counts] : counts_) {
    if (counts.now_ == counts.saved_) continue;
    for (std::size_t i = 0; i < relay_counters; ++i) {
      if (counts.now_[i] == counts.saved_[i]) continue;
      SIMPLEX_TRY(
          db_.run("INSERT INTO relay_counters (user_id, server, counter, number) "
                  "SELECT user_id, ?, ?, ? FROM users WHERE user_id = ? "
                  "ON CONFLICT (user_id, server, counter) DO UPDATE SET number = excluded.number",
                  place.second, i, counts.now_[i], place.first));
    }
    turn_.after_commit([&counts, saved = counts.now_] { counts.saved_ = saved; });
  }
  return {};
}

Result<> Statistics::reset(WallTime now) {
  SIMPLEX_TRY(db_.run("DELETE FROM relay_counters"));
  SIMPLEX_TRY(
      db_.run("INSERT INTO statistics (one, since) VALUES (1, ?) "
              "ON CONFLICT (one) DO UPDATE SET since = excluded.since",
              now));
  turn_.after_commit([this, now] {
    since_ = now;
    for (auto& [place, counts] : counts_) counts.now_ = counts.saved_ = {};
  });
  return {};
}

Result<std::vector<RelaySummary>> Statistics::all() {
  std::vector<RelaySummary> all;
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT user_id FROM users ORDER BY user_id"));
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return all;
    const auto user = rows.number<UserId>(0);
    for (auto next = counts_.lower_bound({user, {}}); next != counts_.end() && next->first.first == user; ++next) {
      all.push_back({.user = user, .relay = next->first.second, .counts = next->second.now_});
    }
  }
}

}  // namespace simplex::agent

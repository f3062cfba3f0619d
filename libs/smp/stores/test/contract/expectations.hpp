// What the tests of the contract expect of results and messages.
#pragma once

#include "store_contract.hpp"

namespace simplex::smp::stores {

inline constexpr std::int64_t noon = 1'795'392'000;

template <class T>
::testing::AssertionResult failed_with(ErrorKind kind, const Result<T>& result) {
  if (result) return ::testing::AssertionFailure() << "it went well";
  if (result.error().kind != kind) {
    return ::testing::AssertionFailure() << name_of(result.error().kind) << ": " << result.error().message;
  }
  return ::testing::AssertionSuccess();
}

template <class T>
::testing::AssertionResult went_well(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << name_of(result.error().kind) << ": " << result.error().message;
}

// Oldest first, later than what came before, and all before the next one.
inline void expect_positions(const std::vector<server::MessagePtr>& messages, std::uint64_t next_position) {
  std::uint64_t last = 0;
  for (const auto& message : messages) {
    EXPECT_GT(message->position, last);
    last = message->position;
  }
  EXPECT_GT(next_position, last);
}

}  // namespace simplex::smp::stores

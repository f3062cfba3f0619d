#include "requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simplex/testing/random.hpp"

namespace simplex::smp::client {
namespace {

using namespace std::chrono_literals;

class RequestsTest : public ::testing::Test {
 protected:
  CorrId add(std::string name, Instant deadline, bool sent = true) {
    const CorrId id = CorrId::generate(random_);
    requests_.add(id, {EntityId(as_bytes(name)), [](const Outcome<BrokerMessage>&) {}}, deadline);
    if (sent) EXPECT_TRUE(requests_.mark_sent(id));
    return id;
  }
  static std::string name_in(const Request& request) { return std::string(as_text(request.entity.view())); }

  testing::SeededRandom random_{1};
  Instant start_{100s};
  Requests requests_;
};

TEST_F(RequestsTest, AnswerIsTakenOnce) {
  const CorrId id = add("a", start_);
  EXPECT_EQ(requests_.in_flight(), 1U);
  EXPECT_TRUE(requests_.take(id));
  EXPECT_FALSE(requests_.take(id));
  EXPECT_FALSE(requests_.take_late(id));
  EXPECT_EQ(requests_.in_flight(), 0U);
  EXPECT_EQ(requests_.next_deadline(), std::nullopt);
}

TEST_F(RequestsTest, WhatWasNotSentHasNoAnswer) {
  const CorrId id = add("a", start_, false);
  EXPECT_FALSE(requests_.take(id));
  EXPECT_TRUE(requests_.contains(id));
  EXPECT_TRUE(requests_.mark_sent(id));
  EXPECT_TRUE(requests_.mark_sent(id));
  EXPECT_EQ(requests_.in_flight(), 1U) << "sent once";
}

TEST_F(RequestsTest, ExpiresInOrderAndRemembersWhatWasSent) {
  const CorrId first = add("first", start_ + 1s);
  const CorrId answered = add("answered", start_ + 1s);
  const CorrId waiting = add("waiting", start_ + 2s, false);
  const CorrId last = add("last", start_ + 3s);
  EXPECT_TRUE(requests_.take(answered));
  EXPECT_EQ(requests_.next_deadline(), start_ + 1s);
  EXPECT_FALSE(requests_.expire_one(start_));
  EXPECT_EQ(name_in(*requests_.expire_one(start_ + 2s)), "first");
  EXPECT_EQ(name_in(*requests_.expire_one(start_ + 2s)), "waiting");
  EXPECT_FALSE(requests_.expire_one(start_ + 2s));
  EXPECT_TRUE(requests_.take_late(first));
  EXPECT_FALSE(requests_.take_late(first)) << "a second late answer";
  EXPECT_FALSE(requests_.take_late(waiting));
  EXPECT_FALSE(requests_.mark_sent(waiting)) << "it is never sent";
  EXPECT_TRUE(requests_.take(last));
}

TEST_F(RequestsTest, LateOnesAreBounded) {
  const CorrId first = add("first", start_);
  for (int i = 0; i < 2000; ++i) add("more", start_);
  while (requests_.expire_one(start_)) {
  }
  EXPECT_FALSE(requests_.take_late(first));
  EXPECT_EQ(requests_.size(), 0U);
}

TEST_F(RequestsTest, AllAreTakenInOrder) {
  add("a", start_);
  const CorrId b = add("b", start_);
  add("c", start_, false);
  EXPECT_TRUE(requests_.take(b));
  std::vector<std::string> names;
  for (const Request& each : requests_.take_all()) names.push_back(name_in(each));
  EXPECT_THAT(names, ::testing::ElementsAre("a", "c"));
  EXPECT_EQ(requests_.size(), 0U);
  EXPECT_EQ(requests_.in_flight(), 0U);
}

}  // namespace
}  // namespace simplex::smp::client

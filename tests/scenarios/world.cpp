#include "world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace simplex::world {

namespace {

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

std::optional<std::uint64_t> seed_from_environment() { return number_from_environment("SIMPLEX_SEED"); }

}  // namespace

World::World(std::uint64_t seed) : seed_(seed), network_(time_, seed), choices_(seed + 1) {
  network_.on_send([this](std::string_view from, std::string_view to, BytesView) {
    contacts_.emplace(from, to);
    const auto found = people_.find(std::string(from));
    if (found != people_.end()) found->second->sending();
  });
}

Relay& World::relay(const std::string& name, SmpVersionRange versions) {
  auto& made = relays_[name];
  if (!made) {
    made =
        std::make_unique<Relay>(name, folder_.path() / name, time_, network_, seed_ + 100 + relays_.size(), versions);
    made->start();
  }
  return *made;
}

Person& World::person(const std::string& name, const std::string& relay, agent::Versions versions) {
  return person(name, std::vector{relay}, versions);
}

Person& World::person(const std::string& name, const std::vector<std::string>& relays, agent::Versions versions) {
  auto& made = people_[name];
  if (!made) {
    std::vector<std::string> addresses;
    for (const auto& relay : relays) addresses.push_back(relays_.at(relay)->address());
    made = std::make_unique<Person>(name, folder_.path() / name, addresses.front(), time_, network_,
                                    seed_ + 200 + people_.size(), versions);
    made->use_relays(std::move(addresses));
    made->start();
  }
  return *made;
}

std::vector<const Person*> World::people() const {
  std::vector<const Person*> all;
  for (const auto& [name, person] : people_) all.push_back(person.get());
  return all;
}

bool World::step() {
  if (!time_.step()) return false;
  for (const auto& [name, person] : people_) {
    if (person->doomed()) person->kill();
  }
  return true;
}

void World::until(const std::function<bool()>& condition, Duration limit) {
  const Instant end = time_.now() + limit;
  while (!condition()) {
    if (time_.now() > end || !step()) {
      for (const auto& [name, person] : people_) ADD_FAILURE() << person->state();
      FAIL() << "this did not happen in " << std::chrono::duration_cast<std::chrono::seconds>(limit).count()
             << " s of the world's time";
    }
  }
}

void World::pass(Duration time) {
  const Instant end = time_.now() + time;
  bool over = false;
  SimLoop clock(time_);
  const async::Timer timer = clock.after(time, [&] { over = true; });
  while (!over && time_.now() <= end) step();
}

void World::steps(int count) {
  while (count-- > 0 && step()) {
  }
}

void World::befriend(Person& inviting, Person& joining) {
  inviting.invite(joining.name());
  until([&] { return !inviting.link(joining.name()).empty(); });
  if (::testing::Test::HasFatalFailure()) return;
  joining.join(inviting.name(), inviting.link(joining.name()));
  until([&] { return inviting.connected(joining.name()) && joining.connected(inviting.name()); });
}

void World::until_all_is_heard(Person& speaker, Person& listener) {
  until([&] { return listener.heard(speaker.name()).size() >= speaker.said(listener.name()).size(); });
  if (::testing::Test::HasFatalFailure()) return;
  until([&] { return !speaker.running() || speaker.all_sent(listener.name()); });
  if (speaker.knows_receipts() && listener.knows_receipts() && speaker.running() && listener.running()) {
    until([&] { return speaker.all_delivered(listener.name()); });
  }
  pass(std::chrono::minutes(10));  // whatever would come twice comes by then
  EXPECT_EQ(listener.heard(speaker.name()), speaker.said(listener.name()));
}

bool replaying() { return seed_from_environment().has_value(); }

void play(std::uint64_t first, int count, const std::function<void(World&)>& story) {
  const auto only = seed_from_environment();
  const auto times = number_from_environment("SIMPLEX_MORE_SEEDS").value_or(1);
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::uint64_t seeds = only ? 1 : static_cast<std::uint64_t>(count) * times;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const std::uint64_t seed = only ? *only : first + i;
    {
      World world(seed);
      story(world);
      for (const Person* person : world.people())
        EXPECT_TRUE(person->troubles().empty()) << person->name() << ": " << person->troubles().front();
    }
    if (::testing::Test::HasFailure()) {
      FAIL() << "seed " << seed << " fails; to replay it: SIMPLEX_SEED=" << seed
             << " SIMPLEX_WORLD_LOG=1 scenarios_test --gtest_filter=" << test->test_suite_name() << "." << test->name();
    }
  }
}

}  // namespace simplex::world

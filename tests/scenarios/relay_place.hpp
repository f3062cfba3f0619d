// A relay for stories, of any kind: in the simulated world, or as a program with one of the stores. The stories are in
// *_stories.cpp, which several test programs are made of; each says what kinds of relays it has:
//
//   INSTANTIATE_TEST_SUITE_P(Simulated, RelayStories, ::testing::Values(...), name_of_kind);
#pragma once

#include <gmock/gmock.h>

#include "simplex/caller/caller.hpp"

namespace simplex::stories {

using namespace std::chrono_literals;
using namespace smp;
using caller::Caller;
using caller::Queue;
using caller::queues_of;
using caller::Service;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using transport::SmpServiceRole;

class RelayPlace {
 public:
  virtual ~RelayPlace() = default;
  // The same after every start.
  [[nodiscard]] virtual protocol::ServerAddress address() const = 0;
  [[nodiscard]] virtual std::unique_ptr<caller::Line> line(const std::string& party, caller::Credentials shown) = 0;
  [[nodiscard]] virtual WallTime now() const = 0;

  virtual void start() = 0;
  virtual void stop() = 0;  // in good order
  virtual void kill() = 0;  // at once; only of a relay that forgets nothing by it
  [[nodiscard]] virtual bool forgets_nothing() const = 0;
};

struct RelayKind {
  std::string name;
  std::function<std::unique_ptr<RelayPlace>()> make;  // not started
};
inline void PrintTo(const RelayKind& kind, std::ostream* out) { *out << kind.name; }
inline std::string name_of_kind(const ::testing::TestParamInfo<RelayKind>& kind) { return kind.param.name; }

class RelayStory : public ::testing::TestWithParam<RelayKind> {
 protected:
  RelayStory() : place_(GetParam().make()) { place_->start(); }

  [[nodiscard]] std::unique_ptr<Caller> caller(const std::string& party, caller::Options options = {}) {
    auto shown = options.service ? options.service->credentials : nullptr;
    auto made = std::make_unique<Caller>(place_->line(party, std::move(shown)), place_->address(), std::move(options));
    EXPECT_TRUE(made->connected()) << party << ": " << made->error();
    return made;
  }
  [[nodiscard]] std::unique_ptr<Caller> caller(const std::string& party, const Service& service) {
    caller::Options options;
    options.service = service;
    return caller(party, std::move(options));
  }
  [[nodiscard]] Service service(SmpServiceRole role) { return caller::make_service(role, place_->now(), random_); }

  // The relay ends, killed if that harms nothing, and starts again; these connect again.
  void restart(std::initializer_list<Caller*> callers) {
    if (place_->forgets_nothing()) {
      place_->kill();
    } else {
      place_->stop();
    }
    place_->start();
    for (auto* each : callers) ASSERT_EQ(each->connect(), "");
  }

  SystemRandom random_;
  std::unique_ptr<RelayPlace> place_;
};

// What each story is about is the name of its class.
class RelayStories : public RelayStory {};
class ServiceStories : public RelayStory {};
class NotificationStories : public RelayStory {};
class LinkStories : public RelayStory {};

}  // namespace simplex::stories

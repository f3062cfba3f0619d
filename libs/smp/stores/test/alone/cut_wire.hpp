// A way to the tests' PostgreSQL server that is cut at a commit: before it, after it, or in the middle of it. What passes
// is read message by message (PostgreSQL: "Message Formats"), so that the cut is always at the same place.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace simplex::smp::stores {

class CutWire {
 public:
  enum class Loses : std::uint8_t {
    question,  // the commit itself: the server hears everything of the transaction but that
    answer,    // the server has committed, and nobody is told
    nothing,   // neither: the commit is still on its way when the next connection comes
  };

  CutWire();
  ~CutWire();
  CutWire(const CutWire&) = delete;
  CutWire& operator=(const CutWire&) = delete;

  [[nodiscard]] std::string connection() const;
  // The connection that commits next is cut.
  void cut_at_next_commit(Loses what);
  // Waits until it was.
  void await_cut();

 private:
  // One connection: octets that are no whole message yet stay here.
  struct Link {
    int client = -1;
    int server = -1;
    std::string from_client;
    std::string from_server;
    bool greeted = false;  // the first message of a client has no letter
    std::string held;      // what the server gets later
  };

  void run();
  void accept_one();
  void pass_to_server(Link& link);
  void pass_to_client(Link& link);
  [[nodiscard]] bool is_next(Loses what);
  // It is, and is done with this.
  [[nodiscard]] bool cuts(Loses what);
  void release_held();
  static void end(Link& link);

  std::filesystem::path folder_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::list<Link> links_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Loses> next_;
  std::thread thread_;
};

}  // namespace simplex::smp::stores

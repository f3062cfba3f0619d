// Messages of one queue in the reference's journal store. A queue's folder follows from its id:
//
//   <root>/AA/BB/CC/DD/<rest of the id>/queue_state.<id>.log        where reading and writing are; the last line counts
//                                       queue_state.<id>.log.bak    stands there while the above is rewritten: it counts
//                                       messages.<journal>.log      one line for each message
//
// A state is "write=JOURNAL,n,count,octet,octets read=JOURNAL,n,count,octet,octets canWrite=T size=N": messages wait from
// the octet of `read` to its end, then in the journal of `write`, when this is another one.
#pragma once

#include <span>

#include "simplex/smp/stores/files.hpp"

namespace simplex::smp::stores {

struct JournalState {
  struct Place {
    std::string journal;
    std::uint64_t position = 0;  // in messages
    std::uint64_t count = 0;
    std::uint64_t octet = 0;
    std::uint64_t octets = 0;
  };
  Place write;
  Place read;

  [[nodiscard]] std::uint64_t size() const {
    return read.count - read.position + (read.journal == write.journal ? 0 : write.count);
  }
};

// whole: the line had its end. One that was cut off after both places still tells where they are.
[[nodiscard]] Result<JournalState> parse_journal_state(std::string_view line, bool whole);
[[nodiscard]] std::string format_journal_state(const JournalState& state);

[[nodiscard]] std::filesystem::path journal_folder(const std::filesystem::path& root, const server::RecipientId& queue);

// Oldest first, without positions. Problems are added; what was delivered already is left out.
[[nodiscard]] Result<std::vector<std::shared_ptr<server::StoredMessage>>> read_journal(
    const std::filesystem::path& root, const server::RecipientId& queue, std::vector<FileProblem>& problems);

[[nodiscard]] Result<> write_journal(const std::filesystem::path& root, const server::RecipientId& queue,
                                     std::span<const server::MessagePtr> messages, Random& random);

}  // namespace simplex::smp::stores

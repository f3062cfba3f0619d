#include "integrity.hpp"

namespace simplex::agent {

Integrity check_integrity(SenderMessageId previous, SenderMessageId number, const MessageHash& known_hash,
                          const MessageHash& stated_hash) {
  if (number < previous) return IntegrityBadId{number};
  if (number == previous) return IntegrityDuplicate{};
  // The difference of two of a peer's numbers may be as large as it likes.
  const SenderMessageId expected(previous.value() + 1);
  if (number > expected) return IntegritySkipped{expected, SenderMessageId(number.value() - 1)};
  if (known_hash != stated_hash) return IntegrityBadHash{};
  return IntegrityOk{};
}

}  // namespace simplex::agent

// All template bodies below the seam: for header-only builds, and for environments that src/inst does not instantiate. The
// bodies of store/ and log/ are not part of transaction.inl.hpp: they have instances of their own, quick to build again.
#pragma once
#include "spg/log/audit_log.inl.hpp"
#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.inl.hpp"
#include "spg/store/objects.inl.hpp"
#include "spg/store/scope.inl.hpp"
#include "spg/store/segment.inl.hpp"
#include "spg/txn/recovery.inl.hpp"
#include "spg/txn/restore.inl.hpp"
#include "spg/txn/transaction.inl.hpp"
#include "spg/txn/verify.inl.hpp"

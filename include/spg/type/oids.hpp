// PostgreSQL's OIDs of the built-in types that the code names (pg_type.dat). The whole table is generated: type/registry.
#pragma once
#include "spg/base/ids.hpp"

namespace spg::type::oid {
inline constexpr Oid boolean{16}, bytea{17}, character{18} /* "char" */, name{19}, int8{20}, int2{21}, int2vector{22},
    int4{23}, regproc{24}, text{25}, object_id{26}, tid{27}, xid{28}, cid{29}, oidvector{30}, json{114}, xml{142},
    float4{700}, float8{701}, unknown{705}, bpchar{1042}, varchar{1043}, date{1082}, time{1083}, timestamp{1114},
    timestamptz{1184}, interval{1186}, timetz{1266}, bit{1560}, varbit{1562}, numeric{1700}, refcursor{1790},
    regprocedure{2202}, regoper{2203}, regoperator{2204}, regclass{2205}, regtype{2206}, record{2249}, record_array{2287},
    cstring{2275},
    any{2276}, anyarray{2277}, void_type{2278}, anyelement{2283}, uuid{2950}, jsonb{3802}, regrole{4096},
    regnamespace{4089}, bool_array{1000}, bytea_array{1001}, char_array{1002}, name_array{1003}, int2_array{1005},
    int4_array{1007}, text_array{1009}, int8_array{1016}, oid_array{1028}, pg_node_tree{194}, aclitem{1033},
    aclitem_array{1034}, txid_snapshot{2970}, pg_lsn{3220}, pg_snapshot{5038}, xid8{5069};
}  // namespace spg::type::oid

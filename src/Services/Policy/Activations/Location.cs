using System.Buffers.Binary;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Prefixes;

namespace EnvPlatform.Policy.Activations;

/// <summary>A place where an environment can be: a prefix, as somebody writes it, on a machine of an organization.</summary>
internal readonly record struct Location(OrganizationId OrganizationId, MachineId MachineId, string Prefix)
{
    /// <summary>
    /// A hash that is the same in every process (FNV-1a, 64 bits) and for every spelling of the prefix. It names places in invalidations;
    /// two places may share one.
    /// </summary>
    public ulong StableHash()
    {
        const ulong Offset = 14_695_981_039_346_656_037;
        Span<byte> ids = stackalloc byte[32];
        OrganizationId.Value.TryWriteBytes(ids);
        MachineId.Value.TryWriteBytes(ids[16..]);
        var hash = Offset;
        for (var i = 0; i < ids.Length; i += sizeof(ulong))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(ids[i..]));
        }

        foreach (var character in PrefixIdentity.Folded(Prefix))
        {
            hash = Mix(hash, character);
        }

        return hash ^ (hash >> 32);
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        const ulong Prime = 1_099_511_628_211;
        return unchecked((hash ^ value ^ (value >> 32)) * Prime);
    }
}

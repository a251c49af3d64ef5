using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// The checksums that Google Cloud Storage, where OSV publishes, sends in the header <c>x-goog-hash</c>: CRC32C (big-endian) and,
/// unless the file was composed of others, MD5, both in Base64. They detect damage, not tampering.
/// </summary>
internal static class StorageHash
{
    /// <summary>The header's value; null where there is none, or where it is for another encoding of the file than the one sent.</summary>
    public static string? Of(HttpResponseHeaders headers)
    {
        var isAsStored = !headers.TryGetValues("x-goog-stored-content-encoding", out var encodings)
            || encodings.All(encoding => encoding == "identity");
        return isAsStored && headers.TryGetValues("x-goog-hash", out var values) ? string.Join(',', values) : null;
    }

    /// <summary>Whether a file is the one that was published. Digests of other kinds are ignored.</summary>
    public static async Task<bool> FitsAsync(string hash, Stream file, CancellationToken ct)
    {
        // Base64 may end with equals signs: only the first one separates.
        var digests = hash.Split(',', StringSplitOptions.TrimEntries).Select(part => part.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToLookup(pair => pair[0].ToLowerInvariant(), pair => pair[1], StringComparer.Ordinal);
        var (crc, md5) = await ReadAsync(file, ct);
        return digests["crc32c"].All(crc.Equals) && digests["md5"].All(md5.Equals);
    }

    private static async Task<(string Crc32C, string Md5)> ReadAsync(Stream file, CancellationToken ct)
    {
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var crc = uint.MaxValue;
        var buffer = new byte[64 << 10];
        int read;
        file.Position = 0;
        while ((read = await file.ReadAsync(buffer, ct)) > 0)
        {
            md5.AppendData(buffer, 0, read);
            crc = Add(crc, buffer.AsSpan(0, read));
        }

        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, ~crc);
        return (Convert.ToBase64String(bytes), Convert.ToBase64String(md5.GetHashAndReset()));
    }

    private static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        var whole = bytes.Length & ~7;
        foreach (var eight in MemoryMarshal.Cast<byte, ulong>(bytes[..whole]))
        {
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? eight : BinaryPrimitives.ReverseEndianness(eight));
        }

        foreach (var one in bytes[whole..])
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return crc;
    }
}

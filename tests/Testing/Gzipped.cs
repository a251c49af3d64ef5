using System.IO.Compression;
using System.Text;

namespace EnvPlatform.Testing;

/// <summary>Content packed with gzip (RFC 1952).</summary>
public static class Gzipped
{
    public static byte[] Of(ReadOnlySpan<byte> content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }

    public static byte[] Of(string text) => Of(Encoding.UTF8.GetBytes(text));
}

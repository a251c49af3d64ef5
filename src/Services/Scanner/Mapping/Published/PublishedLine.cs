using System.Buffers;
using System.IO.Compression;

namespace EnvPlatform.Scanner.Mapping.Published;

/// <summary>An entry of a published mapping.</summary>
/// <param name="Name">The entry's own name, as far as it can be shown.</param>
/// <param name="CondaName">The package; empty where the entry cannot be read.</param>
/// <param name="PypiNames">The projects of PyPI that it holds; none: it holds no project of PyPI.</param>
/// <param name="Problem">Why the entry cannot be used; null when it can.</param>
public readonly record struct PublishedLine(string Name, string CondaName, string[] PypiNames, string? Problem)
{
    private const int MaxShown = 200;

    /// <summary>An invalid name is shown as far as it is plain text.</summary>
    internal static PublishedLine Broken(string name, string problem) =>
        new(string.Concat(name.Take(MaxShown).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '\uFFFD' : c)), "", [], problem);
}

/// <summary>Common to both formats: which names are valid, and how much of a file is read.</summary>
internal static class PublishedFile
{
    /// <summary>The published files are below two megabytes.</summary>
    private const int MaxBytes = 64 << 20;
    private const int MaxName = 128;
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    private static readonly SearchValues<char> CondaCharacters = SearchValues.Create(Letters + "+");
    private static readonly SearchValues<char> PypiCharacters = SearchValues.Create(Letters);

    public static bool IsCondaName(string name) =>
        name.Length is > 0 and <= MaxName && name[0] is not ('.' or '-' or '+') && !name.AsSpan().ContainsAnyExcept(CondaCharacters);

    /// <summary>PEP 508: letters and digits at both ends.</summary>
    public static bool IsPypiName(string name) =>
        name.Length is > 0 and <= MaxName && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
            && !name.AsSpan().ContainsAnyExcept(PypiCharacters);

    /// <summary>The whole text, unpacked where it is gzip.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or longer than the limit.</exception>
    public static byte[] ReadAll(Stream file)
    {
        using var text = new MemoryStream();
        Span<byte> head = stackalloc byte[2];
        var read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position -= read;
        using var unpacked = head[..read].SequenceEqual((ReadOnlySpan<byte>)[0x1f, 0x8b])
            ? new GZipStream(file, CompressionMode.Decompress, leaveOpen: true)
            : null;
        var source = unpacked ?? file;
        var buffer = new byte[64 << 10];
        while ((read = source.Read(buffer)) > 0)
        {
            if (text.Length + read > MaxBytes)
            {
                throw new InvalidDataException($"The mapping is longer than {MaxBytes} bytes.");
            }

            text.Write(buffer, 0, read);
        }

        return text.ToArray();
    }
}

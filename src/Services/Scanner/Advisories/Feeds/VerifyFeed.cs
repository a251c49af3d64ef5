using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>
/// Verifies a file against the checksums of its publisher: the SHA-256 of the file, or of what it unpacks to (NVD's <c>.meta</c>), at an
/// address of its own, and the checksums sent with it (<see cref="StorageHash"/>).
/// </summary>
internal sealed partial class VerifyFeed(FeedClient client, IOptions<ScannerOptions> limits)
{
    private const int MaxChecksumBytes = 64 << 10;

    /// <exception cref="FeedException">It is not the file that was published, or that cannot be verified.</exception>
    public async Task RunAsync(Feed feed, FeedDownload download, CancellationToken ct)
    {
        await download.File.FlushAsync(ct);
        if (download.Begun?.Hash is { } hash && !await StorageHash.FitsAsync(hash, download.File, ct))
        {
            throw new FeedException("The file is not the one that its checksum (x-goog-hash) speaks of.");
        }

        if (feed.ChecksumUrl is { } url)
        {
            var wanted = await PublishedAsync(url, ct);
            if (!await IsAsync(wanted, download.File, ct) && !await UnpacksToAsync(wanted, download.File, ct))
            {
                throw new FeedException("The file is not the one that its checksum speaks of.");
            }
        }

        download.File.Position = 0;
    }

    private async Task<byte[]> PublishedAsync(Uri url, CancellationToken ct)
    {
        var text = new StringBuilder();
        try
        {
            using var response = await client.GetAsync(url, null, ct);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new FeedException($"The server answered {(int)response.StatusCode} for the checksum.", isUsable: true);
            }

            await foreach (var bytes in client.ReadAsync(response, ct))
            {
                text.Append(Encoding.ASCII.GetString(bytes.Span));
                if (text.Length > MaxChecksumBytes)
                {
                    throw new FeedException($"What should be the checksum is longer than {MaxChecksumBytes} bytes.");
                }
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException
            || (exception is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new FeedException($"The checksum could not be fetched: {exception.Message}", isUsable: true);
        }

        return Sha256().Match(text.ToString()) is { Success: true } found
            ? Convert.FromHexString(found.Value)
            : throw new FeedException("What should be the checksum holds no SHA-256.");
    }

    private static async Task<bool> IsAsync(byte[] wanted, FileStream file, CancellationToken ct)
    {
        file.Position = 0;
        var hash = await SHA256.HashDataAsync(file, ct);
        return wanted.AsSpan().SequenceEqual(hash);
    }

    private async Task<bool> UnpacksToAsync(byte[] wanted, FileStream file, CancellationToken ct)
    {
        file.Position = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var gzip = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true);
        var buffer = new byte[64 << 10];
        var total = 0L;
        try
        {
            int read;
            while ((read = await gzip.ReadAsync(buffer, ct)) > 0)
            {
                total += read;
                if (total > limits.Value.MaxUnpackedBytes)
                {
                    throw new FeedException($"The file unpacks to more than {limits.Value.MaxUnpackedBytes} bytes.");
                }

                hash.AppendData(buffer, 0, read);
            }
        }
        catch (InvalidDataException)
        {
            // Not compressed, so the checksum is not about this form.
            return false;
        }

        return wanted.AsSpan().SequenceEqual(hash.GetHashAndReset());
    }

    [GeneratedRegex("(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])", RegexOptions.None, 1000)]
    private static partial Regex Sha256();
}

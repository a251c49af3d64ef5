using Microsoft.AspNetCore.Builder;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Requests may be compressed (<c>Content-Encoding</c>); the endpoint's size limit applies to the decompressed body. A body that does not
/// decompress is invalid input.
/// </summary>
internal static class PackedBody
{
    public static void UsePackedBodies(this WebApplication app)
    {
        // The middleware removes the header when it decompresses.
        app.Use((http, next) =>
        {
            http.Items[typeof(PackedBody)] = http.Request.Headers.ContentEncoding.Count > 0;
            return next(http);
        });
        app.UseRequestDecompression();
        app.Use((http, next) =>
        {
            if (http.Items[typeof(PackedBody)] is true)
            {
                http.Request.Body = new Unpacking(http.Request.Body);
            }

            return next(http);
        });
    }

    /// <summary>Reports data that cannot be decompressed as the caller's error.</summary>
    private sealed class Unpacking(Stream packed) : ReadOnlyStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                return packed.Read(buffer, offset, count);
            }
            catch (Exception exception) when (IsBad(exception))
            {
                throw Refusal();
            }
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await packed.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception exception) when (IsBad(exception))
            {
                throw Refusal();
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        /// <summary>Brotli's decoder throws the second.</summary>
        private static bool IsBad(Exception exception) => exception is InvalidDataException or InvalidOperationException;

        private static InvalidInputException Refusal() => new("body", "Is not packed as Content-Encoding says.");
    }
}

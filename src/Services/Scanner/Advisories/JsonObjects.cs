using System.Buffers;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// Splits a stream into its top-level JSON objects: one object, an array of them, or one after another (JSON lines), without holding more
/// than one. Only strings and brackets are recognised; the content is left to the parser.
/// </summary>
internal static class JsonObjects
{
    /// <summary>An object's bytes, or null with the reason why there are none.</summary>
    public readonly record struct Piece(byte[]? Json, string? Problem);

    /// <param name="maxBytes">Of one object; a larger one is skipped and reported.</param>
    public static IEnumerable<Piece> Split(Stream stream, int maxBytes) => Split(stream, maxBytes, isInside: false);

    /// <summary>The same for an array inside something else: what follows its end is ignored.</summary>
    public static IEnumerable<Piece> SplitArray(Stream stream, int maxBytes) => Split(stream, maxBytes, isInside: true);

    private static IEnumerable<Piece> Split(Stream stream, int maxBytes, bool isInside)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            var cutter = new Cutter(maxBytes);
            int read;
            while ((read = stream.Read(chunk, 0, chunk.Length)) > 0)
            {
                for (var at = 0; at < read;)
                {
                    if (cutter.Take(chunk.AsSpan(0, read), ref at) is not { } piece)
                    {
                        if (isInside && cutter is { HasSeenArray: true, IsArrayOpen: false })
                        {
                            yield break;
                        }

                        continue;
                    }

                    yield return piece;
                    if (cutter.IsLost)
                    {
                        yield break;
                    }
                }
            }

            if (cutter.IsInside)
            {
                yield return new Piece(null, "ends in the middle of an object");
            }
            else if (cutter.IsArrayOpen)
            {
                yield return new Piece(null, "ends in the middle of an array");
            }
            else if (!cutter.HasSeenObject && !cutter.HasSeenArray)
            {
                yield return new Piece(null, "is empty");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private sealed class Cutter(int maxBytes)
    {
        private readonly ArrayBufferWriter<byte> _object = new();
        private int _depth;
        private bool _inString;
        private bool _escaped;
        private bool _tooLarge;

        public bool IsInside => _depth > 0;

        public bool HasSeenArray { get; private set; }

        public bool IsArrayOpen { get; private set; }

        public bool HasSeenObject { get; private set; }

        /// <summary>What is between objects is not JSON, so the start of the next one is unknown.</summary>
        public bool IsLost { get; private set; }

        /// <summary>Continues from <paramref name="at"/> to the end of the object or of the chunk.</summary>
        public Piece? Take(ReadOnlySpan<byte> chunk, ref int at)
        {
            if (!IsInside && !Begin(chunk[at]))
            {
                at++;
                return IsLost ? new Piece(null, "is no JSON object") : null;
            }

            var start = at;
            while (at < chunk.Length)
            {
                if (Step(chunk[at++]))
                {
                    continue;
                }

                Keep(chunk[start..at]);
                return Finish();
            }

            Keep(chunk[start..at]);
            return null;
        }

        private bool Begin(byte b)
        {
            if (b == '{')
            {
                HasSeenObject = true;
                return true;
            }

            if (b == '[' && !HasSeenArray && !HasSeenObject)
            {
                HasSeenArray = IsArrayOpen = true;
            }
            else if (b == ']' && IsArrayOpen)
            {
                IsArrayOpen = false;
            }
            else if (!(b == ',' && IsArrayOpen) && !IsSpaceOrMark(b))
            {
                IsLost = true;
            }

            return false;
        }

        // White space of JSON, and the bytes of a byte order mark.
        private static bool IsSpaceOrMark(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or 0xEF or 0xBB or 0xBF;

        // False after the bracket that closes the object.
        private bool Step(byte b)
        {
            if (_inString)
            {
                if (_escaped)
                {
                    _escaped = false;
                }
                else if (b == '\\')
                {
                    _escaped = true;
                }
                else if (b == '"')
                {
                    _inString = false;
                }

                return true;
            }

            switch (b)
            {
                case (byte)'"':
                    _inString = true;
                    return true;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    return true;
                case (byte)'}' or (byte)']':
                    return --_depth > 0;
                default:
                    return true;
            }
        }

        private void Keep(ReadOnlySpan<byte> bytes)
        {
            _tooLarge |= _object.WrittenCount + bytes.Length > maxBytes;
            if (_tooLarge)
            {
                _object.ResetWrittenCount();
            }
            else
            {
                _object.Write(bytes);
            }
        }

        private Piece Finish()
        {
            var piece = _tooLarge ? new Piece(null, $"is larger than {maxBytes} bytes") : new Piece(_object.WrittenSpan.ToArray(), null);
            _object.ResetWrittenCount();
            _tooLarge = false;
            return piece;
        }
    }
}

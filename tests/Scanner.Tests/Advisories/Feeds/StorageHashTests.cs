using System.Text;

using EnvPlatform.Scanner.Advisories.Feeds;

namespace EnvPlatform.Scanner.Tests.Advisories.Feeds;

public sealed class StorageHashTests
{
    // CRC32C: the check value 0xE3069283 of "123456789", and the examples of RFC 3720, B.4 (32 bytes of zeros; 32 bytes that count up).
    [TestCase("313233343536373839", "crc32c=4waSgw==", true)]
    [TestCase("313233343536373839", "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==", true)]
    [TestCase("313233343536373839", "md5=JfnnlDI7RTiF9RgfG2JNCw==", true)]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000", "crc32c=ipE2qg==", true)]
    [TestCase("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "crc32c=Rt15Tg==", true)]
    [TestCase("", "crc32c=AAAAAA==, md5=1B2M2Y8AsgTpgAmY7PhCfg==", true)]
    [TestCase("313233343536373839", "crc32c=4waSgg==,md5=JfnnlDI7RTiF9RgfG2JNCw==", false)]
    [TestCase("313233343536373839", "crc32c=4waSgw==,md5=1B2M2Y8AsgTpgAmY7PhCfg==", false)]
    [TestCase("313233343536373838", "crc32c=4waSgw==", false)]
    [TestCase("31", "sha3=x,nonsense", true)]
    public async Task A_file_is_held_against_what_its_publisher_says(string content, string hash, bool fits)
    {
        using var file = new MemoryStream(Convert.FromHexString(content));
        Assert.That(await StorageHash.FitsAsync(hash, file, default), Is.EqualTo(fits));
    }

    [Test]
    public async Task A_file_larger_than_the_buffer_is_read_whole()
    {
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("0123456789", 20_001)));
        using var file = new MemoryStream(text);
        var other = (byte[])text.Clone();
        other[^1]++;
        using var damaged = new MemoryStream(other);
        Assert.Multiple(async () =>
        {
            Assert.That(await StorageHash.FitsAsync("crc32c=9HR/PQ==", file, default), Is.True);
            Assert.That(await StorageHash.FitsAsync("crc32c=9HR/PQ==", damaged, default), Is.False);
        });
    }

    [Test]
    public void What_is_said_of_another_form_of_the_file_is_not_believed()
    {
        using var response = new HttpResponseMessage();
        Assert.That(StorageHash.Of(response.Headers), Is.Null);
        response.Headers.Add("x-goog-hash", ["crc32c=4waSgw==", "md5=JfnnlDI7RTiF9RgfG2JNCw=="]);
        Assert.That(StorageHash.Of(response.Headers), Is.EqualTo("crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw=="));
        response.Headers.Add("x-goog-stored-content-encoding", "gzip");
        Assert.That(StorageHash.Of(response.Headers), Is.Null, "the storage unpacks what it was given packed");
    }
}

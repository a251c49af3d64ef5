using System.Net;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.Identity.Mail;
using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Notices;

/// <summary>Something that a person is told by mail. It holds no secret, and its link leads to a page that asks to sign in.</summary>
/// <param name="Lines">What it is about, one by one.</param>
/// <param name="Path">Where on the platform to do something about it.</param>
internal sealed record Notice(string Recipient, string Subject, string Lead, IReadOnlyList<string> Lines, string Advice, string Path)
{
    /// <summary>Queues it; it is sent if and only if the transaction commits.</summary>
    public async Task QueueAsync(Tx tx, DateTimeOffset now)
    {
        await tx.ExecuteAsync(
            """
            insert into notice_mails (id, recipient, subject, lead, lines, advice, path, created_at, due_at)
            values (@Id, @Recipient, @Subject, @Lead, @Lines, @Advice, @Path, @now, @now)
            """,
            new { Id = Guid.CreateVersion7(now), Recipient, Subject, Lead, Lines = Lines.ToArray(), Advice, Path, now });
        await tx.ExecuteAsync("select pg_notify(@Channel, '')", new { SendNoticeMails.Channel });
    }

    /// <param name="platform">The address of the platform, without a slash at the end.</param>
    public MailMessage ToMail(string platform)
    {
        var link = platform + Path;
        var text = $"{Lead}\n\n{string.Join('\n', Lines.Select(line => $"- {line}"))}\n\n{Advice}\n\n{link}\n";
        var html =
            $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>{H(Subject)}</title></head><body>
            <p>{H(Lead)}</p>
            <ul>{string.Concat(Lines.Select(line => $"<li>{H(line)}</li>"))}</ul>
            <p>{H(Advice)}</p>
            <p><a href="{H(link)}">{H(link)}</a></p>
            </body></html>
            """;
        return new(Recipient, Subject, text, html);
    }

    /// <summary>The addresses of the organization's administrators.</summary>
    public static Task<List<string>> AdministratorsAsync(Tx tx, OrganizationId organization) => tx.QueryAsync<string>(
        """
        select s.email from active_memberships m join subjects s on s.id = m.subject_id
        where m.org_id = @organization and m.role = @Administrator and s.type = 'user' and s.email is not null
        order by s.email
        """, new { organization, Roles.Administrator });

    private static string H(string text) => WebUtility.HtmlEncode(text);
}

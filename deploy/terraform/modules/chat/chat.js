// Turns a report of iapguard into the body that an incoming webhook of Google Chat takes: one
// text for each outcome. Pub/Sub calls toChat for each message of the subscription
// (pubsub/docs/smts/udfs-overview). It uses nothing but what ECMAScript has, and never throws:
// a message on which it threw would be delivered again until it is among the dead letters.
// main.tf puts a line before this file: outcomes, those that become a message.

// A value of a report is somebody else's text. It is shown as code, in which Chat formats
// nothing, and cannot end that, begin a link or mention, or hide or turn characters.
const most = {value: 200, text: 4000}; // Chat takes 4,096 characters

function cut(text, length) {
  const letters = Array.from(text); // so that no letter is cut in half
  return letters.length <= length ? text : letters.slice(0, length - 1).join('') + '…';
}

function quoted(value) {
  const text = String(value === undefined || value === null || value === '' ? '?' : value)
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replace(/[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '')
    .replace(/`/g, '\'').replace(/</g, '‹').replace(/>/g, '›')
    .replace(/:\/\//g, ': //')
    .trim();
  return '`' + cut(text === '' ? '?' : text, most.value) + '`';
}

function first(list) {
  return Array.isArray(list) && list.length > 0 ? list[0] : undefined;
}

function each(list, value) {
  const found = [];
  (Array.isArray(list) ? list : []).forEach(function (one) {
    if (one && found.indexOf(value(one)) < 0) {
      found.push(value(one));
    }
  });
  return found;
}

function listed(values) {
  const shown = values.slice(0, 6).map(quoted).join(', ');
  return values.length > 6 ? shown + ' and ' + (values.length - 6) + ' more' : shown || 'nothing';
}

function operations(report, result) {
  return listed(each((report.steps || []).filter(function (step) {
    return step && step.result === result;
  }), function (step) { return step.op; }));
}

function minutes(from, until) {
  const passed = (Date.parse(until) - Date.parse(from)) / 60000;
  return passed >= 0 ? Math.floor(passed) + ' min' : 'a time that is not known';
}

function waits(report) {
  const waiting = report.waitingFor || {};
  return quoted(waiting.what || first(report.advice)) + (waiting.until ? ', until ' + quoted(waiting.until) : '');
}

const texts = {
  compliant: function (report, at) { return 'Nothing to do at ' + at + '.'; },
  started: function (report, at) { return 'Begins to protect ' + at + ': ' + operations(report, 'planned') + '.'; },
  protected: function (report, at) {
    const open = report.exposedSince && report.exposedUntil ?
      ' It was open for ' + minutes(report.exposedSince, report.exposedUntil) + '.' : '';
    return 'Protected ' + at + ': ' + operations(report, 'done') + '.' + open;
  },
  planned: function (report, at) {
    return 'Would protect ' + at + ': ' + operations(report, 'planned') + '. Mode ' + quoted(report.mode) +
      (report.planId ? ', plan ' + quoted(report.planId) : '') + '.';
  },
  redeployed: function (report, at) {
    return 'Made a new revision of ' + at + ', because it refused requests: ' + quoted(report.why || report.verdict) + '.';
  },
  exempt: function (report, at) {
    const why = report.exemption || {};
    return at + ' is exempt' + (why.expires ? ' until ' + quoted(why.expires) : '') + ': ' + quoted(why.reason) +
      (why.ticket ? ' (' + quoted(why.ticket) + ', ' + quoted(why.owner) + ')' : '') + '.';
  },
  held: function (report, at) { return 'Held back at ' + at + ': ' + waits(report) + '.'; },
  waiting: function (report, at) { return at + ' waits: ' + waits(report) + '.'; },
  deferred: function (report, at) { return 'Too early to write at ' + at + ': ' + waits(report) + '.'; },
  contested: function (report, at) {
    const contest = report.contest || {};
    return at + ' is contested: ' + quoted(contest.field) + ' was undone ' + Number(contest.rounds || 0) +
      ' times, by ' + listed(each(contest.actors, function (actor) { return actor.principal; })) + '.';
  },
  blocked: function (report, at) {
    return 'Blocked at ' + at + ': ' + quoted(first(report.advice)) + '. A person must act first.';
  },
  failed: function (report, at) {
    return 'Failed at ' + at + ': ' + quoted(first(report.advice)) + '. It is tried again.';
  },
  rejected: function (report) { return 'A message could not be read: ' + quoted(first(report.advice)) + '.'; },
  uncovered: function (report, at) { return 'No rule covers ' + at + '.'; }
};

function textOf(report) {
  const target = report.target;
  const at = target ? quoted(target.service) + ' (' + quoted(target.location) + ', ' + quoted(target.project) + ')' :
    'services that could not be found';
  const known = Object.prototype.hasOwnProperty.call(texts, report.outcome);
  const lines = [known ? texts[report.outcome](report, at) : 'Outcome ' + quoted(report.outcome) + ' at ' + at + '.'];
  if (report.exposed === 'yes') {
    lines.push('*Strangers get in*' + (report.exposedSince ? ' since ' + quoted(report.exposedSince) : '') + ': ' +
      listed(each(report.findings, function (finding) { return finding.code; })) + '.' +
      (report.closesAt ? ' It is closed at ' + quoted(report.closesAt) + '.' : ''));
  } else if (report.exposed === 'unknown') {
    lines.push('*Whether strangers get in is not known.*');
  }
  const cause = report.cause || {};
  const from = ['Run ' + quoted(report.runId)];
  if (cause.principal) {
    from.push('caused by ' + quoted(cause.principal));
  }
  if (target && target.labels && target.labels.team) {
    from.push('team, as claimed: ' + quoted(target.labels.team));
  }
  lines.push(from.join(', '));
  return cut(lines.join('\n'), most.text);
}

function toChat(message, metadata) {
  let text;
  try {
    const report = JSON.parse(message.data);
    if (report && outcomes.indexOf(report.outcome) < 0) {
      return null; // it is left off
    }
    text = textOf(report);
  } catch (error) {
    text = 'iapguard published a report that cannot be shown here.';
  }
  return {data: JSON.stringify({text: text}), attributes: {'Content-Type': 'application/json; charset=UTF-8'}};
}

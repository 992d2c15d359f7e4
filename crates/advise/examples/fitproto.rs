#![allow(warnings, clippy::all)]
use deskside_advise::fit::table;
fn main(){
 let p=std::env::args().nth(1).unwrap();
 let t=table::parse(&std::fs::read_to_string(p).unwrap(),100000);
 for (i,r) in t.rows.iter().enumerate(){
  let q=table::predict(r,i);
  println!("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",q.id,q.family,q.value.unwrap_or(-1.0),q.low.unwrap_or(-1.0),q.high.unwrap_or(-1.0),q.verdict.unwrap_or_default(),q.memory_bytes.unwrap_or(-1.0),q.notes.join("; "));
 }
}
